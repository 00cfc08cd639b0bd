import { serve } from './serve-controller.ts';

/** The headless controller as a program: `node out/main/serve.js [--data FOLDER] [--listen HOST:PORT]`. */
const options: { data?: string; listen?: string } = {};
const args = process.argv.slice(2);
for (let i = 0; i < args.length; i += 2) {
  const name = args[i];
  const value = args[i + 1];
  if ((name !== '--data' && name !== '--listen') || value === undefined) {
    console.error(`Unknown argument ${name}. There are: --data FOLDER, --listen HOST:PORT.`);
    process.exit(2);
  }
  options[name === '--data' ? 'data' : 'listen'] = value;
}
await serve({ ...options, announce: 'text' });
