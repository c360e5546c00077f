/**
 * The fields of DigitalOcean's answers that are read, and only those: an unknown or missing optional field changes
 * nothing. https://docs.digitalocean.com/reference/api/
 */

export interface AccountAnswer {
  readonly email?: string;
  readonly email_verified?: boolean;
  readonly status?: 'active' | 'warning' | 'locked';
  readonly status_message?: string;
  /** Absent for a token that may not read droplets. */
  readonly droplet_limit?: number;
  readonly team?: { readonly name?: string };
}

export interface RegionAnswer {
  readonly slug: string;
  readonly name: string;
  /** False while it takes no new droplets; old regions stay so. */
  readonly available: boolean;
  readonly sizes: readonly string[];
}

export interface SizeAnswer {
  readonly slug: string;
  readonly description: string;
  /** MB */
  readonly memory: number;
  readonly vcpus: number;
  /** GB */
  readonly disk: number;
  readonly price_monthly: number;
  readonly price_hourly: number;
  /** Where it is sold. */
  readonly regions: readonly string[];
  /** False for sizes of the past. */
  readonly available: boolean;
  readonly gpu_info?: unknown;
}

export interface ImageAnswer {
  readonly slug: string | null;
  readonly status: string;
  readonly regions: readonly string[];
}

export interface DropletAnswer {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly locked: boolean;
  readonly created_at: string;
  readonly disk: number;
  readonly size_slug: string;
  readonly region: { readonly slug: string };
  readonly tags: readonly string[];
}

export interface FirewallAnswer {
  readonly id: string;
  readonly name: string;
  readonly created_at: string;
}

export interface TagAnswer {
  readonly name: string;
  /** How many things bear it, of those that the token may read. */
  readonly resources?: { readonly count?: number };
}

export interface ActionAnswer {
  readonly id: number;
  readonly status: 'in-progress' | 'completed' | 'errored';
}
