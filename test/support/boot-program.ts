/**
 * A boot sector for PCs with a BIOS, so that tests see a guest at work without an operating system.
 * It adds one to the byte at `COUNTER_OFFSET` of its disk and says `boot N` on screen and COM1. Then it
 * echoes what comes in on COM1; a key shows up as `<key>`; `!` reboots the PC by the keyboard
 * controller; `.` powers it off by APM, which SeaBIOS turns into ACPI S5.
 */
export function bootProgram(): Uint8Array {
  const sector = new Uint8Array(512);
  sector.set(Buffer.from(CODE.join('').replaceAll(' ', ''), 'hex'));
  sector.set([0x55, 0xaa], 510);
  return sector;
}

/** The first byte of the second sector. */
export const COUNTER_OFFSET = 512;

// 16-bit code at 0000:7c00.
const CODE = [
  'fa 31c0 8ed8 8ec0 8ed0 bc007c fb', // ds = es = ss = 0, sp = 7c00
  '8816b17c', // drive = dl
  'b8e300 99 cd14', // COM1: 9600 8N1
  'b80102 e87a00', // read the second sector to 8000
  'fe060080', // inc byte [8000]
  'b80103 e87000', // write it back
  'bea87c a00080 0430 a2ad7c', // the digit of "boot N"
  'ac 84c0 7405 e84b00 ebf6', // print it
  'b401 cd16 7413', // 7c3c: a key waiting?
  '30e4 cd16 50 b03c e83900 58 e83500 b03e e83000', // read it, print <key>
  'bafd03 ec a801 7503 f4 ebdc', // a byte on COM1? else wait for an interrupt
  'baf803 ec 3c21 7409 3c2e 740b e81600 ebcb', // '!', '.', or echo
  'b0fe e664 eb0b', // reset by the keyboard controller
  'b80753 bb0100 b90300 cd15', // APM: power off
  'f4 ebfd', // 7c82: stop
  '60 b40e bb0700 50 cd10 58 b401 31d2 cd14 61 c3', // 7c85: print al
  'bb0080 b90200 8a16b17c 30f6 cd13 72db c3', // 7c97: read or write the second sector
  '626f6f7420 00 0d0a00', // 7ca8: "boot N\r\n"
  '00', // 7cb1: drive
];
