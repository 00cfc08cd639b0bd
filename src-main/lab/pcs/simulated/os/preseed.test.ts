import { expect, test } from 'vitest';
import { oauthHeader, readPreseed } from './preseed.ts';

const COMMISSIONING = `#cloud-config
datasource:
  MAAS: {consumer_key: ckey, metadata_url: 'http://10.77.0.1:5248/MAAS/metadata/', token_key: tkey, token_secret: 's&c'}
manage_etc_hosts: true
power_state: {condition: test ! -e /tmp/block-poweroff, delay: now, mode: poweroff, timeout: 3600}
reporting:
  maas: {consumer_key: ckey, endpoint: 'http://10.77.0.1:5248/MAAS/metadata/status/abc123', token_key: tkey,
    token_secret: s&c, type: webhook}
`;

test('reads datasource, reporting and power state', () => {
  const keys = { consumerKey: 'ckey', tokenKey: 'tkey', tokenSecret: 's&c' };
  expect(readPreseed(COMMISSIONING)).toEqual({
    datasource: { metadataUrl: 'http://10.77.0.1:5248/MAAS/metadata/', ...keys },
    reporting: { metadataUrl: 'http://10.77.0.1:5248/MAAS/metadata/status/abc123', ...keys },
    powerState: { mode: 'poweroff', delayMs: 0, wanted: true },
  });
});

test('is strict about what is cloud-config, and content with little', () => {
  expect(readPreseed('<html>')).toBeNull();
  expect(readPreseed('#cloud-config\na: [')).toBeNull();
  expect(readPreseed('#cloud-config\na: b')).toEqual({ datasource: null, reporting: null, powerState: null });
  expect(
    readPreseed('#cloud-config\npower_state: {mode: reboot, delay: +2, condition: False}')?.powerState,
  ).toEqual({
    mode: 'reboot',
    delayMs: 120_000,
    wanted: false,
  });
});

test('signs with PLAINTEXT, or not at all without keys', () => {
  const source = { metadataUrl: 'http://x/', consumerKey: 'c:1', tokenKey: 't', tokenSecret: 's' };
  expect(oauthHeader(source, 'n', 1_700_000_000_500)).toEqual({
    Authorization:
      'OAuth oauth_nonce="n", oauth_timestamp="1700000000", oauth_version="1.0", oauth_signature_method="PLAINTEXT", ' +
      'oauth_consumer_key="c%3A1", oauth_token="t", oauth_signature="%26s"',
  });
  expect(oauthHeader({ ...source, consumerKey: '' }, 'n', 0)).toEqual({});
});
