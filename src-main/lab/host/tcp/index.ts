export { TcpConnection } from './connection.ts';
export type { TcpCounters } from './counters.ts';
export { DEFAULT_LINK_PROFILE, type LinkProfile, type TcpStackOptions } from './options.ts';
export { type ConnectOptions, TcpStack, type TcpStackParts } from './stack.ts';
