/**
 * The path of a request target, decoded, with doubled slashes joined; null when it can't be decoded. Proxies send
 * the absolute form; nodes are known to double slashes.
 */
export function requestPath(target: string): string | null {
  const path = target
    .replace(/^https?:\/\/[^/?#]*/i, '')
    .replace(/[?#].*$/s, '')
    .replace(/\/{2,}/g, '/');
  try {
    return decodeURIComponent(path) || '/';
  } catch {
    return null;
  }
}

/** True when `path` is `prefix` or below it. */
export function isBelow(path: string, prefix: string): boolean {
  const folder = prefix.endsWith('/') ? prefix : `${prefix}/`;
  return path.startsWith(folder) || path === folder.slice(0, -1);
}
