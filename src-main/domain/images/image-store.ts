import { createReadStream } from 'node:fs';
import type { BootFile, BootFiles, BootImageFiles } from '../../netboot/ports.ts';

/** A file of a boot image: named by its content, wherever it lies. */
export interface ImageFile {
  readonly name: 'boot-kernel' | 'boot-initrd' | 'squashfs';
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly path: string;
}

/** What MAAS calls a boot resource: one release of one system for one architecture. */
export interface BootImage {
  readonly os: string;
  readonly release: string;
  /** Debian architecture name. */
  readonly arch: string;
  /** The kernel's flavour: "generic", "signed", "ga-24.04", … */
  readonly subarch: string;
  readonly label: string;
  /** What this kernel wants on its command line. */
  readonly kernelOptions: readonly string[];
  readonly files: readonly ImageFile[];
}

/** How much of the SHA-256 names a file in URLs: MAAS 3.5 shortens it too. */
const FILE_ID_LENGTH = 16;

/**
 * The boot images at hand. Files are served at `images/<file id>/<os>/<arch>/<subarch>/<release>/<label>/<name>`;
 * as in MAAS 3.5 only the id decides, the rest is for people.
 */
export class ImageStore implements BootFiles {
  readonly #images: BootImage[] = [];
  readonly #files = new Map<string, ImageFile>();

  add(image: BootImage): void {
    this.#images.push(image);
    for (const file of image.files) this.#files.set(fileId(file), file);
  }

  images(): readonly BootImage[] {
    return this.#images;
  }

  /**
   * Kernel and initrd of a release by architecture, as a boot plan names them: of the flavour asked for where there is
   * one, else of the generic one.
   */
  bootFilesOf(os: string, release: string, subarch = 'generic'): Record<string, BootImageFiles> {
    const byArch: Record<string, BootImageFiles> = {};
    for (const flavour of new Set(['generic', subarch]))
      for (const image of this.#images) {
        if (image.os !== os || image.release !== release || image.subarch !== flavour) continue;
        const [kernel, initrd] = [pathOf(image, 'boot-kernel'), pathOf(image, 'boot-initrd')];
        if (kernel && initrd) byArch[image.arch] = { kernel, initrd };
      }
    return byArch;
  }

  /** What the kernels of a release want on their command line, each option once. */
  kernelOptionsOf(os: string, release: string): string[] {
    const images = this.#images.filter((image) => image.os === os && image.release === release);
    return [...new Set(images.flatMap((image) => image.kernelOptions))];
  }

  async find(path: string): Promise<BootFile | null> {
    const file = this.#files.get(path.replace(/^images\//, '').split('/', 1)[0] ?? '');
    return file ? diskFile(file) : null;
  }
}

function fileId(file: ImageFile): string {
  return file.sha256.slice(0, FILE_ID_LENGTH);
}

function pathOf(image: BootImage, name: ImageFile['name']): string | null {
  const file = image.files.find((candidate) => candidate.name === name);
  return file ? imagePath(image, file) : null;
}

function imagePath(image: BootImage, file: ImageFile): string {
  return [fileId(file), image.os, image.arch, image.subarch, image.release, image.label, file.name].join('/');
}

function diskFile(file: ImageFile): BootFile {
  return {
    size: file.sizeBytes,
    open: (start, end) => createReadStream(file.path, { start, end, highWaterMark: 256 << 10 }),
  };
}
