import { describe, expect, test } from 'vitest';
import { ipv4 } from '../../base/address.ts';
import { answerEnlistment } from './enlistment.ts';

const server = { address: ipv4('10.77.0.1'), httpPort: 5248 };
const get = (path: string, query = '') => answerEnlistment(path, new URLSearchParams(query), server);

describe('what an unknown machine is told', () => {
  test('the preseed is cloud-config and names the metadata service by address', () => {
    const answer = get('/MAAS/metadata/latest/enlist-preseed/', 'op=get_enlist_preseed');
    expect(answer).toMatchObject({ status: 200, phase: 'preseed' });
    expect(answer.body).toMatch(/^#cloud-config\n/);
    expect(answer.body).toContain('metadata_url: http://10.77.0.1:5248/MAAS/metadata/\n');
  });

  test.each([
    ['/MAAS/metadata/', '2012-03-01\nlatest\n'],
    ['/MAAS/metadata/2012-03-01/meta-data/', 'instance-id\nlocal-hostname\npublic-keys'],
    ['/MAAS/metadata//2012-03-01//meta-data/instance-id', 'i-maas-enlistment'],
    ['/MAAS/metadata/enlist/latest/meta-data/local-hostname', 'maas-enlisting-node'],
    ['/MAAS/metadata/2012-03-01/meta-data/public-keys', ''],
  ])('%s', (path, body) => {
    expect(get(path)).toMatchObject({ status: 200, body, phase: null });
  });

  test('user-data is a script', () => {
    const answer = get('/MAAS/metadata/2012-03-01/user-data');
    expect(answer.phase).toBe('userdata');
    expect(answer.body).toMatch(/^#!\/bin\/sh\n/);
  });

  test.each([
    ['/MAAS/metadata/1999-01-01/', '', 404],
    ['/MAAS/metadata/latest/meta-data/vendor-data', '', 404],
    ['/MAAS/metadata/latest/meta-data/constructor', '', 404],
    ['/MAAS/metadata/latest/meta-data/__proto__', '', 404],
    ['/MAAS/metadata/latest/nonsense', '', 404],
    ['/MAAS/metadata/latest/enlist-preseed/', 'op=foo', 400],
  ])('%s?%s is refused with %i', (path, query, status) => {
    expect(get(path, query)).toMatchObject({ status, phase: null });
  });
});
