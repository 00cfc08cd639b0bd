/** Our boot HTTP server on host sockets, as a process of its own: `rackbox-server.ts <folder>`; prints its port. */
import { systemClock } from '../../../src-main/base/clock.ts';
import { startBootHttpServer } from '../../../src-main/netboot/files/boot-http-server.ts';
import { folderFiles } from '../../../src-main/netboot/files/folder-files.ts';
import { LoopbackSegment } from '../../support/loopback-segment.ts';

const segment = new LoopbackSegment();
await startBootHttpServer({
  segment,
  files: folderFiles(process.argv[2] ?? '.'),
  bootLog: () => {},
  clock: systemClock,
});
console.log(segment.hostPort('tcp', 5248));
