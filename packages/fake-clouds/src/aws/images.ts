/** An image in the words of moto's list (`MOTO_AMIS_PATH`). */
export interface Image {
  readonly ami_id: string;
  readonly name: string;
  readonly owner_id: string;
  readonly architecture: 'x86_64' | 'arm64';
  readonly creation_date: string;
  readonly public: true;
  readonly image_type: 'machine';
  readonly state: 'available';
  readonly description: string;
  readonly virtualization_type: 'hvm';
  readonly hypervisor: 'xen';
  readonly root_device_name: string;
  readonly root_device_type: 'ebs';
  readonly platform: null;
}

/** Debian's own account, https://wiki.debian.org/Cloud/AmazonEC2Image */
const debian = '136693071363';
const someoneElse = '999999999999';

const image = (
  id: string,
  name: string,
  architecture: Image['architecture'],
  day: string,
  owner = debian,
): Image => ({
  ami_id: id,
  name,
  owner_id: owner,
  architecture,
  creation_date: `${day}T00:00:00.000Z`,
  public: true,
  image_type: 'machine',
  state: 'available',
  description: name,
  virtualization_type: 'hvm',
  hypervisor: 'xen',
  root_device_name: '/dev/xvda',
  root_device_type: 'ebs',
  platform: null,
});

export const newestImages = { x86: 'ami-0deb13000000amd02', arm: 'ami-0deb13000000arm02' } as const;

/** What a search for Debian 13 must find its way through: older ones, the release before, and a stranger's of that name. */
export const images: readonly Image[] = [
  image('ami-0deb13000000amd01', 'debian-13-amd64-20250814-2204', 'x86_64', '2025-08-14'),
  image(newestImages.x86, 'debian-13-amd64-20251101-2283', 'x86_64', '2025-11-01'),
  image('ami-0deb13000000arm01', 'debian-13-arm64-20250814-2204', 'arm64', '2025-08-14'),
  image(newestImages.arm, 'debian-13-arm64-20251101-2283', 'arm64', '2025-11-01'),
  image('ami-0deb12000000amd01', 'debian-12-amd64-20251112-2294', 'x86_64', '2025-11-12'),
  image('ami-0bad00000000amd01', 'debian-13-amd64-20991231-9999', 'x86_64', '2025-11-20', someoneElse),
];
