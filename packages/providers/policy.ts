/** A request as a cloud sees it. For a cloud with actions instead of paths, `path` is the action's name. */
export interface CloudRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly body: string;
}

/** One thing that a credential must be allowed, in the cloud's own words. */
export interface CloudPermission {
  readonly name: string;
  readonly neededFor: string;
  /** What to do where it is missing. */
  readonly fix: string;
}

/**
 * What a credential of a cloud must be allowed, no more and no less. A cloud's folder exports it as `policy` from
 * `policy.ts`; the text that people copy is made of the same list.
 */
export interface CloudPolicy {
  readonly permissions: readonly CloudPermission[];
  /** The names of the permissions that the cloud asks for a request; empty where every valid credential may make it. */
  permissionsOf(request: CloudRequest): readonly string[];
}
