/**
 * One readable line on a wrong Node, before anything can crash on it. Plain old JavaScript on purpose:
 * this file must load on every Node.
 */
import { createRequire } from 'node:module';
import { node } from './run-node.mjs';

const MINIMUM = [22, 18];

/** The complaint about a Node version, or null when it will do. */
export function nodeComplaint(version) {
  const parts = version.replace(/^v/, '').split('.').map(Number);
  const enough = parts[0] > MINIMUM[0] || (parts[0] === MINIMUM[0] && parts[1] >= MINIMUM[1]);
  return enough
    ? null
    : `Rackbox needs Node ${MINIMUM.join('.')} or newer, and this is ${version}. ` +
        'On Linux "npm ci" brings one along for npm scripts; elsewhere install it from nodejs.org.';
}

/** Ends the process with that line when there is no Node that is new enough, or nothing is installed yet. */
export function preflight() {
  const complaint = nodeComplaint(process.version);
  if (complaint && node === process.execPath) {
    console.error(complaint);
    process.exit(1);
  }
  if (!installed()) {
    console.error('The packages are not installed yet. Run: npm ci --ignore-scripts');
    process.exit(1);
  }
}

function installed() {
  try {
    createRequire(import.meta.url).resolve('fastify/package.json');
    return true;
  } catch {
    return false;
  }
}
