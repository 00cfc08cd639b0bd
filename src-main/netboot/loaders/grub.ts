// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the loaders are written like this
import type { BootImageFiles, BootPlan } from '../ports.ts';
import { kernelLine, missingImage, planTitle, x86Images } from './plan-text.ts';

/**
 * `grub/grub.cfg`: asks for the machine's own configuration, then for the default one. Paths without a device stay
 * on the one GRUB came from, so the same text serves TFTP and HTTP.
 */
export function grubChain(): string {
  return text(
    'configfile /grub/grub.cfg-${net_default_mac}',
    'configfile /grub/grub.cfg-default-${grub_cpu}',
  );
}

/** The GRUB configuration of a plan. */
export function grubConfig(plan: BootPlan): string {
  const head = ['set default="0"', 'set timeout=0', ''];
  switch (plan.purpose) {
    case 'local':
      return text(...head, menuEntry(plan, LOCAL_BOOT));
    case 'poweroff':
      return text(...head, menuEntry(plan, ['halt']));
    default:
      return text(...head, menuEntry(plan, kernelBoot(plan)));
  }
}

/** `grub_cpu` by Debian architecture. */
const GRUB_CPU: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  i386: 'i386',
  arm64: 'arm64',
  ppc64el: 'powerpc',
};

/**
 * The images are named without a device, so GRUB fetches them the way it came. No use is made of `(http,…)` over
 * TFTP, as MAAS does with its own builds: Debian's signed GRUB has no HTTP, and a script can't find that out
 * (`insmod` reports success when it fails, `-e` is never true on a network device).
 */
function kernelBoot(plan: BootPlan): string[] {
  const byArch: Record<string, BootImageFiles> = { ...plan.images };
  const amd64 = x86Images(plan, 'amd64');
  if (amd64) byArch.amd64 = amd64;
  const lines: string[] = [];
  for (const [arch, images] of Object.entries(byArch)) {
    const cpu = GRUB_CPU[arch];
    if (!cpu) continue;
    lines.push(
      `${lines.length === 0 ? 'if' : 'elif'} [ "\${grub_cpu}" = "${cpu}" ]; then`,
      `  linux /images/${grubWords(images.kernel)} ${grubWords(kernelLine(plan))} BOOTIF=01-\${net_default_mac}`,
      `  initrd /images/${grubWords(images.initrd)}`,
    );
  }
  const otherwise = [`echo ${grubQuote(missingImage('these', plan))}`, 'sleep 10', 'exit 1'];
  return lines.length === 0 ? otherwise : [...lines, 'else', ...otherwise.map((line) => `  ${line}`), 'fi'];
}

/** Boot loaders on a disk, in the order of trying; without shim any vendor's may be started. */
const SIGNED_LOADERS = [
  '/efi/boot/bootx64.efi',
  '/efi/ubuntu/shimx64.efi',
  '/efi/ubuntu/grubx64.efi',
  '/efi/debian/shimx64.efi',
  '/efi/debian/grubx64.efi',
  '/efi/Microsoft/Boot/bootmgfw.efi',
];
const OTHER_LOADERS = ['centos', 'redhat', 'rhel', 'rocky', 'suse', 'ol', 'red'].map(
  (vendor) => `/efi/${vendor}/grubx64.efi`,
);
const ARM64_LOADERS = ['/efi/ubuntu/grubaa64.efi', '/efi/debian/grubaa64.efi', '/efi/boot/bootaa64.efi'];

/** Starts the first loader found on a disk; else exits with an error, so that the firmware tries its next entry. */
const LOCAL_BOOT = [
  'if [ "${grub_cpu}" = "x86_64" ]; then',
  ...SIGNED_LOADERS.flatMap((path) => chainload(path, '  ')),
  '  if [ "${shim_lock}" != "y" ]; then',
  ...OTHER_LOADERS.flatMap((path) => chainload(path, '    ')),
  '  fi',
  'elif [ "${grub_cpu}" = "arm64" ]; then',
  ...ARM64_LOADERS.flatMap((path) => chainload(path, '  ')),
  'elif [ "${grub_cpu}" = "powerpc" ]; then',
  '  if search --no-floppy --set=root --file /boot/grub/grub.cfg; then configfile /boot/grub/grub.cfg; fi',
  'fi',
  'exit 1',
];

function chainload(path: string, indent: string): string[] {
  return [`${indent}if search --no-floppy --set=root --file ${path}; then chainloader ${path}; boot; fi`];
}

function menuEntry(plan: BootPlan, body: readonly string[]): string {
  return [`menuentry ${grubQuote(planTitle(plan))} {`, ...body.map((line) => `  ${line}`), '}'].join('\n');
}

function grubQuote(content: string): string {
  return `'${content.replaceAll("'", '')}'`;
}

/**
 * Kernel options as words of GRUB's shell. Its special characters are escaped (`cc:\{…\}end_cc`). Quotes are
 * taken as a shell takes them and then dropped, keeping what they hold together: GRUB would hand a literal
 * quote to the kernel with a backslash before it.
 */
export function grubWords(line: string): string {
  let quote = '';
  let words = '';
  for (const char of line) {
    if (quote === '' && (char === "'" || char === '"')) quote = char;
    else if (char === quote) quote = '';
    else if (char === ' ') words += quote ? '\\ ' : ' ';
    else if (char === "'" || char === '"') continue;
    else words += /[{}()|&;<>$\\#*?`]/.test(char) ? `\\${char}` : char;
  }
  return words;
}

function text(...lines: string[]): string {
  return `${lines.join('\n')}\n`;
}
