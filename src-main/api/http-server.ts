import fastifyStatic from '@fastify/static';
import fastifyWebsocket from '@fastify/websocket';
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { RackboxError } from '../base/errors.ts';
import { type GuardOptions, type Refusal, refusalOf } from './auth/request-guard.ts';
import type { ErrorBody } from './contract/lab.ts';
import type { LabControl } from './lab/lab-control.ts';
import { labRoutes } from './lab/lab-routes.ts';
import { liveRoute } from './live/live-route.ts';

export interface ApiOptions {
  readonly version: string;
  readonly guard: GuardOptions;
  /** Folder of the built page; null: no page. */
  readonly page: string | null;
  readonly lab: LabControl | null;
}

const REFUSALS: Readonly<Record<Refusal, readonly [number, string, string]>> = {
  'bad-host': [
    421,
    'This address is not one of the controller.',
    'Open it by the address that was printed at its start.',
  ],
  'bad-origin': [
    403,
    'A page of another site may not call the controller.',
    'Open the controller’s own page.',
  ],
  'bad-token': [
    401,
    'The start-up token is missing or wrong.',
    'Use the whole address that was printed at the start.',
  ],
};

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  NOT_FOUND: 404,
  BAD_ARGUMENT: 400,
  PC_STATE: 409,
  PC_UNAVAILABLE: 503,
};

/** Scripts, styles, images and connections come from ourselves only. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** The HTTP API, not yet listening. */
export async function createApiServer(options: ApiOptions): Promise<FastifyInstance> {
  const server = Fastify({
    logger: false,
    bodyLimit: 1 << 20,
    forceCloseConnections: true,
    // Fastify's own answer repeats the address, with whatever is in its query.
    frameworkErrors: refuseAddress,
  });
  server.addHook('onRequest', async (request, reply) => {
    reply
      .header('content-security-policy', CONTENT_SECURITY_POLICY)
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer');
    // The route that the address led to decides: an address has many spellings, `/%6cab/api` among them.
    const route = request.routeOptions.url ?? request.url;
    const { token } = request.query as { token?: unknown };
    const refusal = refusalOf(
      {
        headers: request.headers,
        queryToken: route === '/live' && typeof token === 'string' ? token : undefined,
        needsToken: route === '/live' || route.startsWith('/lab/api'),
      },
      options.guard,
    );
    if (!refusal) return;
    const [status, message, hint] = REFUSALS[refusal];
    await reply
      .code(status)
      .send({ code: refusal.toUpperCase().replace('-', '_'), message, hint } satisfies ErrorBody);
  });
  server.setErrorHandler((error, _request, reply) => void reply.code(statusOf(error)).send(bodyOf(error)));
  server.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({
      code: 'NOT_FOUND',
      message: 'There is nothing at this address.',
      hint: 'Look at /lab/api/pcs.',
    }),
  );
  await server.register(fastifyWebsocket, { options: { maxPayload: 64 << 10 } });
  if (options.lab) {
    await server.register(labRoutes(options.lab), { prefix: '/lab/api' });
    await server.register(liveRoute(options.lab));
  }
  server.get('/lab/api/version', async () => ({ version: options.version }));
  if (options.page) await server.register(fastifyStatic, { root: options.page });
  return server;
}

function refuseAddress(error: Error, _request: unknown, reply: FastifyReply): void {
  void reply.code(statusOf(error)).send({
    code: 'BAD_REQUEST',
    message: 'The address cannot be read.',
    hint: 'Look at /lab/api/pcs.',
  } satisfies ErrorBody);
}

function statusOf(error: unknown): number {
  if (error instanceof RackboxError) return STATUS_OF_CODE[error.code] ?? 500;
  const status = (error as { statusCode?: number }).statusCode;
  return status !== undefined && status >= 400 && status < 500 ? status : 500;
}

/** Our own errors speak for themselves; of others only those about the request are told. */
function bodyOf(error: unknown): ErrorBody {
  if (error instanceof RackboxError) return { code: error.code, message: error.message, hint: error.hint };
  if (statusOf(error) < 500)
    return {
      code: 'BAD_REQUEST',
      message: (error as Error).message,
      hint: 'Compare the request with the API description.',
    };
  return { code: 'INTERNAL', message: 'The controller failed to answer.', hint: 'Its log says why.' };
}
