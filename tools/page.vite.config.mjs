import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { root } from './run-node.mjs';

/** The page alone, for development without Electron; electron.vite.config.ts builds it otherwise. */
export default { plugins: [react()], build: { outDir: join(root, 'out/renderer'), emptyOutDir: true } };
