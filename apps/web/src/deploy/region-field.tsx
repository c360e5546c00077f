import type { Catalogue } from '@claw-cloud/contracts';
import { Combobox } from '../design/combobox.tsx';
import { Field, Select } from '../design/field.tsx';
import { country } from './offers.ts';

/** From so many on one would rather type than scroll. */
const searchedFrom = 13;

interface RegionFieldProps {
  regions: Catalogue['regions'];
  region: string | undefined;
  onChange: (region: string) => void;
}

/** Where the server shall stand. */
export function RegionField({ regions, region, onChange }: RegionFieldProps) {
  const options = regions.map(({ id, name, city, country: code }) => {
    const place = country(code).name;
    // Some clouds name regions after cities, some after themselves.
    const where = place === '' || place === city ? city : `${city}, ${place}`;
    return { id, label: `${where} (${id})`, also: name };
  });
  return (
    <Field label="Region">
      {options.length >= searchedFrom ? (
        <Combobox options={options} value={region} onChange={onChange} testId="deploy-region" />
      ) : (
        <Select value={region} onChange={(event) => onChange(event.target.value)} data-testid="deploy-region">
          {options.map(({ id, label }) => (
            <option key={id} value={id}>
              {label}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}
