/**
 * The dashboard's policy. `'wasm-unsafe-eval'` is the one exception: libsodium is WebAssembly. `connect-src 'self'`
 * covers WebSockets of the same origin (CSP level 3); `wsOrigin` names it besides for browsers that don't know that.
 */
export const dashboardPolicy = (wsOrigin: string): string =>
  [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self'",
    `connect-src 'self' ${wsOrigin}`,
    "manifest-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ');

/** /docs alone: Swagger UI writes style attributes and data: icons; its scripts are files of ours, none is inline. */
export const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const unneeded = [
  'accelerometer',
  'browsing-topics',
  'display-capture',
  'encrypted-media',
  'geolocation',
  'gyroscope',
  'hid',
  'idle-detection',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'publickey-credentials-get',
  'serial',
  'usb',
  'xr-spatial-tracking',
];

/** The headers every answer bears, whatever it is. */
export function securityHeaders(publicUrl: string): Readonly<Record<string, string>> {
  const { protocol, host } = new URL(publicUrl);
  const secure = protocol === 'https:';
  return {
    'content-security-policy': dashboardPolicy(`${secure ? 'wss' : 'ws'}://${host}`),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    // The camera is for scanning the code that links another browser; the browser asks its person first.
    'permissions-policy': ['camera=(self)', ...unneeded.map((feature) => `${feature}=()`)].join(', '),
    'x-frame-options': 'DENY',
    ...(secure ? { 'strict-transport-security': 'max-age=63072000' } : {}),
  };
}
