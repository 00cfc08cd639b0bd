import type { Datasource } from '../disk/boot-record.ts';
import { parseYaml, type YamlValue, yamlAt, yamlText } from './yaml.ts';

/** What of a cloud-config concerns a machine that boots with MAAS's datasource. */
export interface Preseed {
  /** Null when the document names none. */
  readonly datasource: Datasource | null;
  /** Where progress events go. */
  readonly reporting: Datasource | null;
  readonly powerState: PowerState | null;
}

export interface PowerState {
  readonly mode: 'poweroff' | 'reboot' | 'halt';
  readonly delayMs: number;
  /** False when the condition can't hold. */
  readonly wanted: boolean;
}

/** Reads a cloud-config document; null when it is none (it must say so in its first line). */
export function readPreseed(text: string): Preseed | null {
  if (!text.startsWith('#cloud-config')) return null;
  const document = parseYaml(text);
  if (document === null || typeof document !== 'object') return null;
  const reporting = yamlAt(document, 'reporting');
  const webhook = isMapping(reporting)
    ? Object.values(reporting).find((each) => yamlText(each, 'type') === 'webhook')
    : undefined;
  return {
    datasource: credentials(yamlAt(document, 'datasource', 'MAAS'), 'metadata_url'),
    reporting: webhook === undefined ? null : credentials(webhook, 'endpoint'),
    powerState: powerStateOf(yamlAt(document, 'power_state')),
  };
}

function credentials(value: YamlValue, urlKey: string): Datasource | null {
  const url = yamlText(value, urlKey);
  if (url === '') return null;
  return {
    metadataUrl: url,
    consumerKey: yamlText(value, 'consumer_key'),
    tokenKey: yamlText(value, 'token_key'),
    tokenSecret: yamlText(value, 'token_secret'),
  };
}

function powerStateOf(value: YamlValue): PowerState | null {
  const mode = yamlText(value, 'mode');
  if (mode !== 'poweroff' && mode !== 'reboot' && mode !== 'halt') return null;
  const minutes = /^\+(\d+)$/.exec(yamlText(value, 'delay'))?.[1];
  return {
    mode,
    delayMs: Number(minutes ?? 0) * 60_000,
    wanted: yamlAt(value, 'condition') !== false,
  };
}

function isMapping(value: YamlValue): value is { readonly [key: string]: YamlValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The OAuth 1.0 PLAINTEXT header of a node (RFC 5849 §3.4.4; the consumer secret is empty). Empty without keys:
 * then requests are anonymous.
 */
export function oauthHeader(
  { consumerKey, tokenKey, tokenSecret }: Datasource,
  nonce: string,
  wallMs: number,
): Readonly<Record<string, string>> {
  if (consumerKey === '') return {};
  const values: Record<string, string> = {
    oauth_nonce: nonce,
    oauth_timestamp: String(Math.floor(wallMs / 1000)),
    oauth_version: '1.0',
    oauth_signature_method: 'PLAINTEXT',
    oauth_consumer_key: consumerKey,
    oauth_token: tokenKey,
    oauth_signature: `&${encodeURIComponent(tokenSecret)}`,
  };
  const fields = Object.entries(values).map(([name, value]) => `${name}="${encodeURIComponent(value)}"`);
  return { Authorization: `OAuth ${fields.join(', ')}` };
}
