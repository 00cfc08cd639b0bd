import { createMetadataHandler } from '../api/metadata/metadata-handler.ts';
import type { Ipv4 } from '../base/address.ts';
import type { Clock } from '../base/clock.ts';
import { Disposables } from '../base/disposable.ts';
import type { Segment } from '../base/segment.ts';
import { type DhcpServer, startDhcpServer } from '../netboot/dhcp/server.ts';
import { type BootHttpServer, startBootHttpServer } from '../netboot/files/boot-http-server.ts';
import { bootNameSpace } from '../netboot/files/boot-name-space.ts';
import type { BootDirectory, BootFiles, LeaseBook } from '../netboot/ports.ts';
import { startTftpServer, type TftpServer } from '../netboot/tftp/tftp-server.ts';
import type { BootWatch } from './boot-watch.ts';
import { BOOT_HTTP_PORT } from './configuration.ts';

export interface SegmentServicesOptions {
  readonly segment: Segment;
  /** Addresses for machines that have none of their own. */
  readonly pool: { readonly first: Ipv4; readonly last: Ipv4 };
  /** How long an address is probed before it is offered to a new client; the DHCP server's default when absent. */
  readonly probeTimeoutMs?: number;
  readonly leaseBook: LeaseBook;
  readonly directory: BootDirectory;
  readonly images: BootFiles;
  readonly firmwareFolder: string;
  readonly watch: BootWatch;
  readonly clock: Clock;
}

/** What the controller runs on one network. */
export interface SegmentServices {
  readonly dhcp: DhcpServer;
  readonly tftp: TftpServer;
  readonly http: BootHttpServer;
  dispose(): Promise<void>;
}

/** Starts DHCP, TFTP and the boot HTTP server on a segment. All or none. */
export async function startSegmentServices(options: SegmentServicesOptions): Promise<SegmentServices> {
  const { segment, watch, clock } = options;
  const bootLog = watch.log;
  const started = new Disposables();
  const files = bootNameSpace(options);
  const server = { address: segment.address, httpPort: BOOT_HTTP_PORT };
  const metadata = createMetadataHandler({ server, bootLog, clock });
  try {
    const http = started.add(
      await startBootHttpServer({
        segment,
        files,
        bootLog,
        clock,
        port: BOOT_HTTP_PORT,
        routes: [{ prefix: '/MAAS/metadata', handle: metadata }],
      }),
    );
    const tftp = started.add(
      await startTftpServer({ segment, files, bootLog, clock, httpPort: BOOT_HTTP_PORT }),
    );
    // DHCP comes last: whom it answers finds the rest there.
    const dhcp = started.add(
      await startDhcpServer({
        segment,
        bootLog,
        clock,
        leaseBook: options.leaseBook,
        config: {
          bootHttpPort: BOOT_HTTP_PORT,
          ...(options.probeTimeoutMs === undefined ? {} : { probeTimeoutMs: options.probeTimeoutMs }),
          subnets: [{ cidr: segment.cidr, ranges: [options.pool], gateway: segment.address, domain: 'maas' }],
        },
      }),
    );
    return { dhcp, tftp, http, dispose: () => started.dispose() };
  } catch (error) {
    await started.dispose();
    throw error;
  }
}
