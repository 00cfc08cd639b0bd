import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { rackboxError } from '../../base/error-catalogue.ts';
import {
  ImpairmentSchema,
  type ImpairmentView,
  PcSchema,
  type PowerAction,
  PowerActionSchema,
  ScreenSchema,
  SwitchPortSchema,
} from '../contract/lab.ts';
import type { LabControl } from './lab-control.ts';

interface ById {
  Params: { id: string };
}

/** `/lab/api`: the PCs, their power and screens, and the switch. */
export function labRoutes(lab: LabControl) {
  const required = (id: string) => {
    const pc = lab.pc(id);
    if (!pc) throw rackboxError('NOT_FOUND', { what: 'PC', name: id });
    return pc;
  };
  return async (server: FastifyInstance): Promise<void> => {
    server.get('/pcs', { schema: { response: { 200: Type.Array(PcSchema) } } }, async () => lab.pcs());
    server.get<ById>('/pcs/:id', { schema: { response: { 200: PcSchema } } }, async (request) =>
      required(request.params.id),
    );
    server.post<ById & { Body: { action: PowerAction } }>(
      '/pcs/:id/power',
      { schema: { body: PowerActionSchema, response: { 200: PcSchema } } },
      async (request) => {
        required(request.params.id);
        await lab.power(request.params.id, request.body.action);
        return required(request.params.id);
      },
    );
    server.get<ById>('/pcs/:id/screen', { schema: { response: { 200: ScreenSchema } } }, async (request) => {
      required(request.params.id);
      return lab.screen(request.params.id);
    });
    server.get('/switch/ports', { schema: { response: { 200: Type.Array(SwitchPortSchema) } } }, async () =>
      lab.ports(),
    );
    server.put<{ Params: { name: string }; Body: ImpairmentView }>(
      '/switch/ports/:name/impairment',
      { schema: { body: ImpairmentSchema, response: { 200: ImpairmentSchema } } },
      async (request) => {
        if (!lab.impair(request.params.name, request.body))
          throw rackboxError('NOT_FOUND', { what: 'switch port', name: request.params.name });
        return request.body;
      },
    );
  };
}
