import { ScanLine } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Button } from '../design/button.tsx';
import { Dialog } from '../design/dialog.tsx';

/** What browsers that can read codes offer; the type libraries don't know it yet. */
interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
type DetectorClass = new (options: { formats: string[] }) => Detector;
const detectorOf = (): DetectorClass | undefined =>
  (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;

const lookEveryMs = 250;

/** Reads a code with the camera, in browsers that can; elsewhere there is nothing to press. */
export function Scanner({ onText }: { onText: (text: string) => void }) {
  const [open, setOpen] = useState(false);
  if (!detectorOf() || !navigator.mediaDevices) return null;
  return (
    <>
      <Button variant="secondary" onClick={() => setOpen(true)}>
        <ScanLine size={15} aria-hidden /> Scan it
      </Button>
      {open && (
        <Camera
          onText={(text) => {
            setOpen(false);
            onText(text);
          }}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
}

function Camera({ onText, onClose }: { onText: (text: string) => void; onClose: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [refused, setRefused] = useState(false);
  const heard = useRef(onText);
  heard.current = onText;
  useEffect(() => {
    const Detector = detectorOf();
    if (!Detector) return;
    const detector = new Detector({ formats: ['qr_code'] });
    let stream: MediaStream | undefined;
    let left = false;
    let timer: ReturnType<typeof setInterval> | undefined;
    const start = async () => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
      const element = video.current;
      if (left || !element) return stop();
      element.srcObject = stream;
      await element.play();
      timer = setInterval(() => {
        detector.detect(element).then(
          ([code]) => code && !left && heard.current(code.rawValue),
          () => undefined,
        );
      }, lookEveryMs);
    };
    const stop = () => {
      clearInterval(timer);
      for (const track of stream?.getTracks() ?? []) track.stop();
    };
    start().catch(() => setRefused(true));
    return () => {
      left = true;
      stop();
    };
  }, []);
  return (
    <Dialog open onClose={onClose} title="Hold the code before the camera">
      {refused ? (
        <p className="text-muted">The camera can’t be used here. Type the code instead.</p>
      ) : (
        <video
          ref={video}
          muted
          playsInline
          className="aspect-square w-full rounded-lg bg-sunken object-cover"
        />
      )}
    </Dialog>
  );
}
