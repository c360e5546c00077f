import type { GatewayDevice } from '../keys.ts';
import { connectGateway, type GatewayConnection } from './gateway-client.ts';
import type { GatewayState } from './supervisor.ts';

/** The running gateway, as the rest of the agent needs it. */
export interface Gateway {
  port: number;
  token: string;
  device: GatewayDevice;
  state(): GatewayState;
  /** OpenClaw's version, as it is installed; null where that can't be told. */
  version(): string | null;
}

/** Runs `work` with a connection that may administrate, and closes it. Raises what connecting and work raise. */
export async function asAdmin<T>(
  gateway: Gateway,
  work: (connection: GatewayConnection) => Promise<T>,
): Promise<T> {
  const connection = await connectGateway({
    port: gateway.port,
    token: gateway.token,
    device: gateway.device,
    scopes: ['operator.read', 'operator.write', 'operator.admin'],
    caps: [],
  });
  try {
    return await work(connection);
  } finally {
    connection.close();
  }
}
