import type { Command } from 'commander';
import { serve } from '../app/serve-controller.ts';

export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('run the controller and its lab without a window; prints one line of JSON when it is ready')
    .option('--data <folder>', 'keep everything in this folder')
    .option('--listen <host:port>', 'where the API and the page are served', '127.0.0.1:5240')
    .action((options: { data?: string; listen: string }) => serve({ ...options, announce: 'json' }));
}
