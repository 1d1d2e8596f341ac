/** Lines over time, drawn by uPlot; the newest values stand beside them as text. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { figure } from "./format.ts";
import { theme } from "./theme.ts";

/** A line: colour and dashes tell lines apart, so that none needs the other. */
export interface Line {
  label: string;
  /** A value for each time; null where there was none. */
  values: (number | null)[];
}

/** What is drawn. */
export interface PlotProps {
  title: string;
  unit: string;
  /** Seconds since 1970. */
  times: number[];
  lines: Line[];
  height?: number;
}

const DASHES = [[], [6, 3], [2, 3], [10, 3, 2, 3], [4, 2]];

/** Draws lines over time. */
export function Plot({ title, unit, times, lines, height = 150 }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  const labels = lines.map((line) => line.label).join("\n");
  useEffect(() => {
    const at = box.current;
    if (!at) return;
    const plot = new uPlot(options(at, labels.split("\n"), height), [[], ...labels.split("\n").map(() => [])], at);
    drawn.current = plot;
    const seen = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height }));
    seen.observe(at);
    return () => {
      seen.disconnect();
      plot.destroy();
      drawn.current = null;
    };
  }, [labels, height, theme.value]);
  useEffect(() => {
    drawn.current?.setData([times, ...lines.map((line) => line.values)] as uPlot.AlignedData);
  });
  const newest = (line: Line) => line.values.findLast((value) => value !== null);
  return (
    <figure class="plot">
      <figcaption>
        <strong>{title}</strong>{" "}
        {lines.map((line, place) => (
          <span key={line.label} class={`line c${place % 5}`}>
            <svg width="22" height="8" aria-hidden="true"><line x1="0" y1="4" x2="22" y2="4" stroke="currentColor" stroke-width="2" stroke-dasharray={DASHES[place % 5]?.join(" ")} /></svg>
            {line.label} {figure(newest(line))}{unit && ` ${unit}`}
          </span>
        ))}
      </figcaption>
      <div ref={box} aria-hidden="true" />
    </figure>
  );
}

function options(at: HTMLElement, labels: string[], height: number): uPlot.Options {
  const colour = (name: string) => getComputedStyle(at).getPropertyValue(name).trim() || "#888";
  const axis = { stroke: colour("--dim"), grid: { stroke: colour("--edge"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
  return {
    width: Math.max(100, at.clientWidth),
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 0) > 0 ? (high as number) * 1.1 : 1] } },
    axes: [{ ...axis, size: 24, space: 70, values: (_, ticks) => ticks.map((at) => new Date(at * 1000).toLocaleTimeString("en-GB")) }, { ...axis, size: 48, values: (_, ticks) => ticks.map(figure) }],
    series: [{}, ...labels.map((label, place) => ({
      label, stroke: colour(`--line${place % 5}`), width: 2, dash: DASHES[place % 5], spanGaps: false, points: { show: false },
    }))],
  };
}
