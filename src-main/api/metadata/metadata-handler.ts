import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseIpv4 } from '../../base/address.ts';
import type { BootLog } from '../../base/boot-event.ts';
import type { Clock } from '../../base/clock.ts';
import type { ServerAddress } from '../../netboot/ports.ts';
import { answerEnlistment } from './enlistment.ts';

export interface MetadataOptions {
  readonly server: ServerAddress;
  readonly bootLog: BootLog;
  readonly clock: Clock;
}

/** The metadata service as a request listener, to be mounted at `/MAAS/metadata` of the boot HTTP server. */
export function createMetadataHandler(options: MetadataOptions) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response
        .writeHead(405, { allow: 'GET, HEAD', 'content-type': 'text/plain; charset=utf-8' })
        .end('Method not allowed\n');
      return;
    }
    const url = URL.parse(request.url ?? '/', 'http://metadata');
    const answer = url
      ? answerEnlistment(url.pathname, url.searchParams, options.server)
      : { status: 400, contentType: 'text/plain', body: 'Bad request', phase: null };
    const body = Buffer.from(answer.body);
    response.writeHead(answer.status, { 'content-type': answer.contentType, 'content-length': body.length });
    // Looking at a document is not fetching it: HEAD proves nothing about the boot.
    if (request.method === 'HEAD') {
      response.end();
      return;
    }
    const started = options.clock.now();
    response.end(body, () => {
      if (!answer.phase) return;
      const ip = parseIpv4(request.socket.remoteAddress ?? '');
      options.bootLog({
        at: options.clock.wallNow(),
        ...(ip === null ? {} : { ip }),
        phase: answer.phase,
        step: 'done',
        detail: {
          file: url?.pathname ?? '',
          bytes: body.length,
          ms: Math.round(options.clock.now() - started),
        },
      });
    });
  };
}
