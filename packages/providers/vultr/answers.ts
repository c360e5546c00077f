/**
 * The fields of Vultr's answers that are read, and only those: an unknown or missing optional field changes nothing.
 * https://www.vultr.com/api/
 */

export interface AccountAnswer {
  readonly name?: string;
  readonly email?: string;
  readonly acls?: readonly string[];
  /** US dollars owed; below 0 it is credit. */
  readonly balance?: number;
  readonly pending_charges?: number;
  readonly last_payment_date?: string | null;
}

export interface RegionAnswer {
  readonly id: string;
  readonly city: string;
  readonly country: string;
}

export interface PlanAnswer {
  readonly id: string;
  readonly type: string;
  readonly vcpu_count: number;
  /** MB */
  readonly ram: number;
  /** GB; 0 where the disk is sold apart. */
  readonly disk: number;
  /** US dollars. */
  readonly monthly_cost: number;
  readonly hourly_cost?: number;
  /** Regions; none for a plan of the past. */
  readonly locations: readonly string[];
}

export interface OsAnswer {
  readonly id: number;
  readonly name: string;
  readonly arch: string;
  readonly family: string;
}

export interface InstanceAnswer {
  readonly id: string;
  readonly label: string;
  readonly tags?: readonly string[];
  readonly date_created: string;
  /** active, pending, suspended, resizing */
  readonly status: string;
  /** running, stopped */
  readonly power_status: string;
  /** none, locked, installingbooting, ok */
  readonly server_status: string;
  readonly plan: string;
  readonly region: string;
}

export interface FirewallGroupAnswer {
  readonly id: string;
  readonly description: string;
  readonly date_created: string;
}

export interface FirewallRuleAnswer {
  readonly id: number;
  readonly ip_type?: string;
  readonly protocol: string;
  readonly port: string;
  readonly subnet: string;
  readonly subnet_size: number;
  readonly source?: string;
}

export interface BlockAnswer {
  readonly id: string;
  readonly label: string;
  readonly date_created: string;
  readonly region: string;
}

export interface ReservedIpAnswer {
  readonly id: string;
  readonly label: string;
  readonly region: string;
}
