import { createServer } from 'node:http';
import type { Server, Socket } from 'node:net';

/** What a provider tells a server about itself. */
export interface MachineRecord {
  id: number;
  name: string;
  ipv4: string;
  ipv6: string;
  mac: string;
  gateway: string;
  userData: string;
}

function answersOf(machine: MachineRecord): Record<string, string> {
  const { id, name, ipv4, mac, gateway, userData } = machine;
  const network = [
    'network-config:',
    '  version: 1',
    '  config:',
    '  - type: physical',
    '    name: eth0',
    `    mac_address: '${mac}'`,
    `    subnets: [{type: dhcp, ipv4: true, dns_nameservers: ['${gateway}']}]`,
  ];
  const hetzner = [
    `instance-id: ${id}`,
    `hostname: ${name}`,
    `public-ipv4: ${ipv4}`,
    'public-keys: []',
    'region: lab',
    "vendor_data: ''",
    ...network,
  ];
  return {
    '/hetzner/v1/metadata': `${hetzner.join('\n')}\n`,
    '/hetzner/v1/metadata/instance-id': String(id),
    '/hetzner/v1/metadata/hostname': name,
    '/hetzner/v1/metadata/public-ipv4': ipv4,
    '/hetzner/v1/userdata': userData,
    '/latest/meta-data/instance-id': `i-${id}`,
    '/latest/meta-data/hostname': name,
    '/latest/meta-data/local-ipv4': ipv4,
    '/latest/user-data': userData,
  };
}

/** The provider's metadata service: answers each machine, known by its address, about itself alone. */
export function serveMetadata(
  listening: Server,
  find: (ipv4: string) => MachineRecord | undefined,
  seen: (from: string, url: string, status: number) => void,
): () => void {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const from = request.socket.remoteAddress ?? '';
    const path = (request.url ?? '/').replace(/\/+$/, '');
    const machine = find(from);
    const answer = machine && answersOf(machine)[path];
    const status = answer === undefined ? 404 : 200;
    seen(from, `http://${request.headers.host}${request.url}`, status);
    response.writeHead(status, { 'content-type': 'text/plain' });
    response.end(answer ?? '');
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  listening.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    server.emit('connection', socket);
  });
  return () => {
    listening.close();
    for (const socket of sockets) socket.destroy();
  };
}
