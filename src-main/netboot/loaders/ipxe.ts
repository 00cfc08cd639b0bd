// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the loaders are written like this
import type { BootImageFiles, BootPlan, ServerAddress } from '../ports.ts';
import {
  bootsKernel,
  httpRoot,
  imageUrl,
  kernelLine,
  missingImage,
  planTitle,
  x86Images,
} from './plan-text.ts';

/**
 * iPXE scripts. Only commands of the 2019 build in Debian are relied on: `cpuid`, `iseq`, `kernel`, `sanboot`,
 * `sleep`, `exit`; `poweroff` may be missing.
 */

/** `ipxe.cfg`: what every iPXE is sent to. It asks for its own script by MAC, then for the default one. */
export function ipxeChain(server: ServerAddress): string {
  const root = httpRoot(server);
  return script(
    // --replace: a script that fails later must not fall through to the enlistment of a known machine.
    `chain --replace --autofree ${root}/ipxe.cfg-\${mac} ||`,
    `chain --replace --autofree ${root}/ipxe.cfg-default-amd64`,
  );
}

/** The script for a plan. */
export function ipxeScript(plan: BootPlan, server: ServerAddress): string {
  if (plan.purpose === 'local') return localScript(plan);
  if (plan.purpose === 'poweroff') return powerOffScript(plan, server);
  return bootsKernel(plan) ? kernelScript(plan, server) : '';
}

function kernelScript(plan: BootPlan, server: ServerAddress): string {
  const options = [ipxeWords(kernelLine(plan)), 'BOOTIF=01-${mac:hexhyp}'].filter(Boolean).join(' ');
  const boot = (arch: string, images: BootImageFiles | null) => [
    '',
    `:boot-${arch}`,
    ...(images
      ? [
          `kernel --name kernel ${imageUrl(server, images.kernel)} \${initrd-option} ${options} || goto failed`,
          `initrd --name initrd ${imageUrl(server, images.initrd)} || goto failed`,
          'boot || goto failed',
        ]
      : [`echo ${missingImage(arch, plan)}`, 'goto failed']),
  ];
  return script(
    `# ${planTitle(plan)}`,
    // CPUID 80000001h EDX bit 29: long mode. The script decides by the CPU, since BIOS iPXE is 32-bit on both.
    'cpuid --ext 29 && set arch amd64 || set arch i386',
    'iseq ${buildarch} arm64 && set arch arm64 ||',
    // A kernel started as an EFI application finds its initrd by this name.
    'iseq ${platform} efi && set initrd-option initrd=initrd ||',
    'goto boot-${arch}',
    ...boot('amd64', x86Images(plan, 'amd64')),
    ...boot('i386', x86Images(plan, 'i386')),
    ...boot('arm64', plan.images.arm64 ?? null),
    '',
    ':failed',
    ...askAgain(server, 'failed', 'Trying again in 10 seconds.', 10),
  );
}

function localScript(plan: BootPlan): string {
  const drives = ['0x80', '0x81', '0x82', '0x83'].map((drive) => `sanboot --no-describe --drive ${drive}`);
  return script(
    `# ${planTitle(plan)}`,
    // UEFI has no BIOS drives: only an error makes its boot manager try the next entry, the disk.
    'iseq ${platform} efi && exit 1 ||',
    `${drives.join(' || ')} ||`,
    'exit 1',
  );
}

function powerOffScript(plan: BootPlan, server: ServerAddress): string {
  return script(
    `# ${planTitle(plan)}`,
    'poweroff ||',
    ':idle',
    ...askAgain(server, 'idle', 'Nothing to do: this machine can be switched off.', 60),
  );
}

/** Waits, then starts over with the chain script: the plan may have changed meanwhile. */
function askAgain(server: ServerAddress, label: string, message: string, seconds: number): string[] {
  return [
    `echo ${message}`,
    `sleep ${seconds}`,
    'imgfree ||',
    `chain --replace --autofree ${httpRoot(server)}/ipxe.cfg || goto ${label}`,
  ];
}

/** iPXE splits a line at `&&`, `||` and comments, and has no way to quote them. */
function ipxeWords(line: string): string {
  return line
    .split(' ')
    .filter((word) => word !== '' && word !== '&&' && word !== '||' && !word.startsWith('#'))
    .join(' ');
}

function script(...lines: string[]): string {
  return `${['#!ipxe', ...lines].join('\n')}\n`;
}
