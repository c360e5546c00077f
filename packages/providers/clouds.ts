import type { Cloud } from '@claw-cloud/contracts';
import { descriptor as aws } from './aws/descriptor.ts';
import { descriptor as digitalocean } from './digitalocean/descriptor.ts';
import { descriptor as hetzner } from './hetzner/descriptor.ts';
import { sandbox } from './hetzner/sandbox.ts';
import type { CloudEntry } from './provider.ts';
import { descriptor as vultr } from './vultr/descriptor.ts';

/**
 * Every cloud there is: the one place that knows them by name, in the order in which people see them. A cloud's folder
 * has the same name here, in `stacks/` and in `fake-clouds`. The sandbox is Hetzner's code with another address.
 */
export const clouds: readonly CloudEntry[] = [
  { descriptor: hetzner, folder: 'hetzner', load: async () => (await import('./hetzner/hetzner.ts')).create },
  {
    descriptor: digitalocean,
    folder: 'digitalocean',
    load: async () => (await import('./digitalocean/digitalocean.ts')).create,
  },
  { descriptor: vultr, folder: 'vultr', load: async () => (await import('./vultr/vultr.ts')).create },
  { descriptor: aws, folder: 'aws', load: async () => (await import('./aws/aws.ts')).create },
  { descriptor: sandbox, folder: 'hetzner', load: async () => (await import('./hetzner/hetzner.ts')).create },
];

/** The descriptors alone: nothing that talks to a cloud is loaded. */
export function knownClouds(): Cloud[] {
  return clouds.map(({ descriptor }) => descriptor);
}

/** The folder of a cloud's Pulumi program; null for a cloud that isn't known. */
export function cloudFolder(id: string): string | null {
  return clouds.find(({ descriptor }) => descriptor.id === id)?.folder ?? null;
}
