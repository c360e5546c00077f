/**
 * The fields of Hetzner's answers that are read, and only those: an unknown or missing optional field changes nothing.
 * https://docs.hetzner.cloud/reference/cloud
 */

interface Price {
  readonly net: string;
  readonly gross: string;
}

export interface LocationAnswer {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly city: string;
  readonly country: string;
}

interface Deprecation {
  readonly announced: string;
  readonly unavailable_after: string;
}

export interface ServerTypeAnswer {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly cores: number;
  /** GB */
  readonly memory: number;
  /** GB */
  readonly disk: number;
  readonly architecture: 'x86' | 'arm';
  readonly deprecation: Deprecation | null;
  readonly prices: readonly { location: string; price_hourly: Price; price_monthly: Price }[];
  readonly locations?: readonly {
    id: number;
    name: string;
    deprecation: Deprecation | null;
    available?: boolean;
  }[];
}

export interface ImageAnswer {
  readonly id: number;
  readonly name: string | null;
  readonly status: string;
  readonly architecture: 'x86' | 'arm';
  readonly deprecated: string | null;
}

export interface DatacenterAnswer {
  readonly location: { readonly name: string };
  readonly server_types: { readonly available: readonly number[] };
}

export interface PricingAnswer {
  readonly currency: string;
  readonly primary_ips?: readonly {
    type: string;
    prices: readonly { location: string; price_hourly: Price; price_monthly: Price }[];
  }[];
}

export interface ServerAnswer {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly created: string;
  readonly server_type: { readonly name: string };
  /** GB; smaller than the type's where the disk was kept at a resize. */
  readonly primary_disk_size: number;
  readonly location?: { readonly name: string } | null;
  readonly datacenter?: { readonly location: { readonly name: string } } | null;
  readonly public_net: {
    readonly ipv4: { readonly id?: number; readonly ip: string } | null;
    readonly ipv6: { readonly id?: number; readonly ip: string } | null;
  };
}

export interface NamedAnswer {
  readonly id: number;
  readonly name: string;
  readonly created: string;
}

export interface PrimaryIpAnswer extends NamedAnswer {
  readonly assignee_id: number | null;
  readonly auto_delete: boolean;
}

export interface ActionAnswer {
  readonly id: number;
  readonly status: 'running' | 'success' | 'error';
  readonly error: { readonly code: string; readonly message: string } | null;
}
