/**
 * Sequence numbers wrap at 2^32 (RFC 9293 §3.4). Inside the stack a byte's place is its position: an ordinary
 * number that counts from the initial sequence number (the SYN is position 0, the first byte 1) and never wraps.
 * Only what goes to or comes from the wire is converted.
 */

/** The sequence number of a position. */
export function toSequence(initial: number, position: number): number {
  return (initial + position) >>> 0;
}

/** The position that `sequence` means: of all that share it, the one within 2^31 of `near`. */
export function toPosition(initial: number, near: number, sequence: number): number {
  return near + ((sequence - initial - near) | 0);
}
