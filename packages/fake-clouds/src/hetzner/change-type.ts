import { isAvailable, isRetired } from './answers.ts';
import type { ServerTypeEntry } from './catalogue.ts';
import { findServerType } from './catalogue.ts';
import type { CloudParts } from './context.ts';
import { apiError, invalidField } from './errors.ts';
import type { ServerRow } from './state.ts';

/**
 * Checks a `change_type` body against the server: the type must exist and be for sale there, of the same architecture,
 * with a disk at least as large as the server's own, and the server must be off. Changes nothing.
 */
export function readTypeChange(
  parts: CloudParts,
  projectName: string,
  row: ServerRow,
  body: Record<string, unknown>,
): { type: ServerTypeEntry; upgradeDisk: boolean } {
  const wanted = body.server_type;
  const type =
    typeof wanted === 'string' || typeof wanted === 'number'
      ? findServerType(parts.catalogue, wanted)
      : undefined;
  if (!type) throw invalidField('server_type', `server type '${String(wanted)}' not found`);
  if (typeof body.upgrade_disk !== 'boolean')
    throw invalidField('upgrade_disk', 'Missing data for required field.');
  const now = findServerType(parts.catalogue, row.serverType);
  const fits =
    type.architecture === now?.architecture &&
    type.disk >= row.primaryDiskSize &&
    type.monthlyNet[row.location] !== undefined &&
    !isRetired(type, parts.now());
  if (!fits) throw apiError('invalid_server_type', `server type '${type.name}' does not fit this server`);
  if (row.status !== 'off')
    throw apiError('server_not_stopped', 'server must be stopped before changing its type');
  if (!isAvailable(parts, projectName, type, row.location))
    throw apiError('resource_unavailable', `server type '${type.name}' is currently unavailable`);
  return { type, upgradeDisk: body.upgrade_disk };
}
