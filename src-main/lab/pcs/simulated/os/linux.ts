import { formatIpv4 } from '../../../../base/address.ts';
import type { BootRecord, Datasource } from '../disk/boot-record.ts';
import type { LinuxBoot } from '../firmware/boot-result.ts';
import { sizeText } from '../firmware/post.ts';
import { diskDevice, nicPartOf, type SystemFacts } from '../hardware/resources.ts';
import { hang, type Machine } from '../machine/machine.ts';
import type { DhcpLease } from '../net/dhcp-client.ts';
import { HttpClient } from '../net/http-client.ts';
import { CloudInit, type Metadata } from './cloud-init.ts';
import { bootMacOf, keepLease, type OsNetwork, startNetwork } from './network.ts';
import type { AgentResult } from './node-agent.ts';
import type { PowerState, Preseed } from './preseed.ts';
import { runShell } from './shell.ts';

/** Decompression and start of a kernel, per MB of it and of its initrd, and from there to userspace. */
const KERNEL_MS = 900;
const UNPACK_MS_PER_MB = 12;
const DRIVERS_MS = 1800;

export type LinuxEnd = 'poweroff' | 'reboot';

/** What is started: a kernel that came over the network, or an installed system. */
export type LinuxSource = { readonly boot: LinuxBoot } | { readonly record: BootRecord };

const NO_PRESEED: Preseed = { datasource: null, reporting: null, powerState: null };

/** Runs a small Linux: kernel log, an address, cloud-init, user-data, then power_state or a login prompt. */
export async function runLinux(machine: Machine, source: LinuxSource): Promise<LinuxEnd> {
  return new Linux(machine, source).run();
}

class Linux {
  readonly #machine: Machine;
  readonly #source: LinuxSource;
  readonly #commandLine: string;
  readonly #startedAt: number;
  #hostname: string;
  #lease: DhcpLease | null = null;
  #nicIndex = 0;

  constructor(machine: Machine, source: LinuxSource) {
    this.#machine = machine;
    this.#source = source;
    this.#startedAt = machine.clock.now();
    this.#commandLine = 'boot' in source ? source.boot.commandLine : 'root=LABEL=root ro quiet';
    this.#hostname = 'boot' in source ? 'localhost' : source.record.hostname;
  }

  async run(): Promise<LinuxEnd> {
    const machine = this.#machine;
    await this.#kernel();
    const hostname = 'record' in this.#source ? this.#hostname : undefined;
    const network = await startNetwork(machine, bootMacOf(this.#commandLine), hostname);
    if (!network) return this.#login();
    this.#lease = network.lease;
    this.#nicIndex = network.nic.index;
    const http = new HttpClient(network.stack, machine.clock, machine.signal, {
      'User-Agent': 'Cloud-Init/24.1',
    });
    // Renewing goes on beside everything else; it ends, by rejecting, when the power goes.
    const renewing = keepLease(
      machine,
      network,
      (lease) => {
        this.#lease = lease;
      },
      hostname,
    );
    const end = await Promise.race([renewing, this.#userspace(network, http)]);
    http.close();
    return end;
  }

  async #kernel(): Promise<void> {
    const { terminal, spec, profile, pace } = this.#machine;
    const { kernelVersion } = this.#facts();
    const files = 'boot' in this.#source ? [this.#source.boot.kernel, ...this.#source.boot.initrds] : [];
    const megabytes = files.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
    await this.#machine.step('linux', { kernel: kernelVersion });
    terminal.clear();
    this.#log(`Linux version ${kernelVersion} (x86_64)`);
    this.#log(`Command line: ${this.#commandLine}`);
    await pace.work(KERNEL_MS + megabytes * UNPACK_MS_PER_MB);
    this.#log(
      `DMI: ${spec.identity.vendor} ${spec.identity.product}, BIOS ${profile.system.firmware.version}`,
    );
    this.#log(`Memory: ${(this.#machine.faults.memoryMb ?? spec.memoryMb) * 1024}K available`);
    this.#log(`smpboot: CPU0: ${profile.cpu.model}; ${spec.cpus} CPUs`);
    await pace.work(DRIVERS_MS);
    spec.nics.forEach((_, index) => {
      const { driver, pciAddress, device } = nicPartOf(profile, index);
      this.#log(`${driver} ${pciAddress} ${device}: Link is Up`);
    });
    spec.disks.forEach((disk, index) => {
      if (this.#machine.faults.deadDisks?.includes(index))
        this.#log(`disk ${index}: link is slow to respond`);
      else this.#log(`${diskDevice(profile, index)}: ${sizeText(disk.sizeBytes)}`);
    });
  }

  async #userspace(network: OsNetwork, http: HttpClient): Promise<LinuxEnd> {
    const cloudInit = new CloudInit(this.#machine, http);
    await this.#rootImage(http);
    const preseed = await this.#preseed(cloudInit);
    if (preseed.datasource) {
      const done = await this.#cloud(network, http, cloudInit, preseed.datasource);
      if (done.honoursPowerState && preseed.powerState?.wanted) return this.#powerState(preseed.powerState);
    }
    http.close();
    return this.#login();
  }

  async #preseed(cloudInit: CloudInit): Promise<Preseed> {
    if ('record' in this.#source) return { ...NO_PRESEED, datasource: this.#source.record.datasource };
    const url = /(?:^|\s)cloud-config-url=(\S+)/.exec(this.#commandLine)?.[1];
    if (url !== undefined) return cloudInit.preseed(url);
    this.#say('no cloud-config-url= on the command line: nothing to fetch');
    return NO_PRESEED;
  }

  /** `root=squash:URL`: MAAS's images load their root file system into memory. */
  async #rootImage(http: HttpClient): Promise<void> {
    const url = /(?:^|\s)root=(?:squash|tar):(http:\S+)/.exec(this.#commandLine)?.[1];
    if (url === undefined) return;
    const { pace } = this.#machine;
    this.#say(`root file system from ${url}`);
    const result = await http.fetch({ url, onData: () => undefined, timeoutMs: pace.patience(30_000) });
    if ('status' in result && result.status === 200) return;
    await this.#panic();
  }

  #panic(): Promise<never> {
    this.#log('Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)');
    return hang(this.#machine.signal);
  }

  async #cloud(
    network: OsNetwork,
    http: HttpClient,
    cloudInit: CloudInit,
    datasource: Datasource,
  ): Promise<AgentResult> {
    const machine = this.#machine;
    const search = { name: 'init-network', description: 'searching for network datasources' } as const;
    await cloudInit.report({ ...search, type: 'start' });
    const metadata = await cloudInit.metadata(datasource);
    if (metadata.hostname !== '') this.#hostname = metadata.hostname;
    await cloudInit.report({ ...search, type: 'finish', result: 'SUCCESS' });
    this.#say(`${metadata.instanceId} is ${this.#hostname}`);
    await machine.step('userdata', { bytes: metadata.userData.length });
    if (metadata.userData.length === 0) {
      this.#say('no user-data');
      return { ok: true, honoursPowerState: true };
    }
    const final = { name: 'modules-final', description: 'running modules for final' } as const;
    await cloudInit.report({ ...final, type: 'start' });
    const result = await this.#runAgent(network, http, cloudInit, datasource, metadata);
    await cloudInit.report({ ...final, type: 'finish', result: result.ok ? 'SUCCESS' : 'FAIL' });
    return result;
  }

  #runAgent(
    network: OsNetwork,
    http: HttpClient,
    cloudInit: CloudInit,
    datasource: Datasource,
    metadata: Metadata,
  ): Promise<AgentResult> {
    const { spec, profile, disks, clock, random, pace, signal, terminal, agent } = this.#machine;
    return agent.run(metadata.userData, {
      spec,
      profile,
      commandLine: this.#commandLine,
      system: this.#facts(),
      bootMac: network.nic.mac,
      address: (this.#lease ?? network.lease).address,
      instanceId: metadata.instanceId,
      datasource,
      http,
      authorization: () => cloudInit.authorization(datasource),
      report: (event) => cloudInit.report(event),
      disks,
      clock,
      random,
      pace,
      signal,
      print: (text) => terminal.print(text),
    });
  }

  async #powerState({ mode, delayMs }: PowerState): Promise<LinuxEnd> {
    this.#say(mode);
    await this.#machine.pace.work(delayMs);
    this.#log(`reboot: ${mode === 'reboot' ? 'Restarting system' : 'Power down'}`);
    if (mode === 'halt') return hang(this.#machine.signal);
    return mode;
  }

  async #login(): Promise<LinuxEnd> {
    await this.#machine.step('login');
    const { osName, osVersion } = this.#facts();
    this.#machine.terminal.print(`\n${osName} ${osVersion} ${this.#hostname} ttyS0\n\n`);
    const end = await runShell(this.#machine, () => this.#facts());
    this.#log(`reboot: ${end === 'reboot' ? 'Restarting system' : 'Power down'}`);
    return end;
  }

  #facts(): SystemFacts {
    const lease = this.#lease;
    const installed = 'record' in this.#source ? this.#source.record : null;
    return {
      hostname: this.#hostname,
      kernelVersion: installed?.kernelVersion ?? '6.1.0-simulated',
      osName: installed?.os ?? 'micro-linux',
      osVersion: installed?.release ?? '1',
      addresses: lease
        ? new Map([[this.#nicIndex, { address: formatIpv4(lease.address), prefix: lease.cidr.prefix }]])
        : new Map(),
    };
  }

  #say(text: string): void {
    this.#machine.terminal.println(`cloud-init: ${text}`);
  }

  /** A line of the kernel's log, with the time since it started. */
  #log(text: string): void {
    const seconds = (this.#machine.clock.now() - this.#startedAt) / 1000;
    this.#machine.terminal.println(`[${seconds.toFixed(6).padStart(12)}] ${text}`);
  }
}
