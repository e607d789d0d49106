import type { Interval, Scale } from "./answers.js";
import { formatScore } from "./format.js";
import { findBins, scoreOfGrade } from "./scale.js";

const width = 352;
const height = 96;
const binCount = 44;
const top = 18;

interface Props {
  readonly scale: Scale;
  readonly score?: number | undefined;
  readonly interval?: Interval | null | undefined;
  readonly earlier?: number | undefined;
  readonly target?: number | undefined;
  /** What the drawing says, in words. */
  readonly label: string;
}

/** How the training passages spread over the scale, and where the text lies on it. */
export function Distribution({ scale: { percentiles, grades }, score, interval, earlier, target, label }: Props) {
  if (!percentiles) return null;
  const [lowest, highest] = [Math.floor(percentiles[0]! * 2) / 2, Math.ceil(percentiles.at(-1)! * 2) / 2];
  const x = (at: number) => 6 + ((Math.min(highest, Math.max(lowest, at)) - lowest) / (highest - lowest)) * (width - 12);
  const bins = findBins(percentiles, binCount);
  const most = Math.max(...bins.map(({ share }) => share));
  const ticks = Array.from({ length: Math.floor(highest) - Math.ceil(lowest) + 1 }, (_, i) => Math.ceil(lowest) + i);
  const gradeTicks = [12, 10, 8, 6].flatMap((grade) => {
    const at = grades ? scoreOfGrade(grades, grade) : undefined;
    return at === undefined ? [] : [{ grade, at }];
  });
  const inside = (low: number, high: number) => interval && high > interval.low && low < interval.high;
  return (
    <svg class="distribution" viewBox={`0 0 ${width} ${height + top + 46}`} role="img" aria-label={label}>
      {interval && (
        <rect
          class="interval"
          x={x(interval.low)}
          y={top - 4}
          width={Math.max(2, x(interval.high) - x(interval.low))}
          height={height + 4}
          rx="3"
        />
      )}
      {bins.map(({ low, high, share }) => {
        const tall = Math.max(1, (share / most) * (height - 10));
        return (
          <rect
            key={low}
            class={inside(low, high) ? "bar inside" : "bar"}
            x={x(low) + 0.75}
            y={top + height - tall}
            width={x(high) - x(low) - 1.5}
            height={tall}
            rx="1.5"
          />
        );
      })}
      <line class="axis" x1="6" x2={width - 6} y1={top + height + 0.5} y2={top + height + 0.5} />
      {earlier !== undefined && <line class="earlier-line" x1={x(earlier)} x2={x(earlier)} y1={top} y2={top + height} />}
      {target !== undefined && <path class="target-mark" d={`M${x(target) - 6} ${top + height + 11}h12l-6 -9z`} />}
      {score !== undefined && (
        <g class="place">
          <line x1={x(score)} x2={x(score)} y1={top - 8} y2={top + height} />
          <circle cx={x(score)} cy={top - 8} r="5" />
        </g>
      )}
      {ticks.map((tick) => (
        <text key={tick} class="tick" x={x(tick)} y={top + height + 25} text-anchor="middle">
          {formatScore(tick).replace(".0", "")}
        </text>
      ))}
      {gradeTicks.length > 0 && (
        <text class="tick grade-tick" x="0" y={top + height + 42}>
          grade
        </text>
      )}
      {gradeTicks.map(({ grade, at }) => (
        <text key={grade} class="tick grade-tick" x={x(at)} y={top + height + 42} text-anchor="middle">
          {grade}
        </text>
      ))}
    </svg>
  );
}
