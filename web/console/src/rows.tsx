/** A long table of which only the rows that are seen are in the page. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** The height of a row in pixels; the style sheet has the same. */
const ROW_PX = 28;
/** Rows beyond each edge. */
const MORE = 6;

/** What is shown of a list. */
export interface RowsProps<T> {
  label: string;
  columns: string[];
  rows: readonly T[];
  /** A number that changes whenever the list did: the list itself is one and the same. */
  version: number;
  keyOf: (row: T) => number | string;
  cells: (row: T) => ComponentChildren;
  onPick?: (row: T) => void;
  /** Whether the end stays in sight while rows come. */
  follows?: boolean;
  empty: string;
  kindOf?: (row: T) => string;
}

/** Returns which rows of a list are in the page. */
export function visibleRange(top: number, height: number, many: number): [number, number] {
  const first = Math.max(0, Math.floor(top / ROW_PX) - MORE);
  return [Math.min(first, many), Math.min(many, Math.ceil((top + height) / ROW_PX) + MORE)];
}

/** Shows a list; Enter, Space or a click picks a row. */
export function Rows<T>({ label, columns, rows, version, keyOf, cells, onPick, follows, empty, kindOf }: RowsProps<T>) {
  const box = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ top: 0, height: 600 });
  const look = () => {
    const at = box.current;
    if (at) setPlace((was) => (was.top === at.scrollTop && was.height === at.clientHeight ? was : { top: at.scrollTop, height: at.clientHeight }));
  };
  useLayoutEffect(() => {
    const at = box.current;
    if (at && follows) at.scrollTop = at.scrollHeight;
    look();
  }, [version, follows]);
  useLayoutEffect(() => {
    const seen = new ResizeObserver(look);
    if (box.current) seen.observe(box.current);
    return () => seen.disconnect();
  }, []);
  const top = follows ? Math.max(0, rows.length * ROW_PX - place.height) : place.top;
  const [first, end] = visibleRange(top, place.height, rows.length);
  const pick = (event: KeyboardEvent, row: T) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    onPick?.(row);
  };
  return (
    <div class="rows" ref={box} onScroll={look} role="table" aria-label={label} aria-rowcount={rows.length + 1} tabIndex={0}>
      <div class="row head" role="row" aria-rowindex={1}>{columns.map((name) => <span role="columnheader" key={name}>{name}</span>)}</div>
      {rows.length === 0 && <div role="row"><p class="empty" role="cell">{empty}</p></div>}
      <div role="rowgroup" class="body" ref={(at) => { if (at) at.style.height = `${rows.length * ROW_PX}px`; }}>
        {rows.slice(first, end).map((row, offset) => (
          <div
            key={keyOf(row)} role="row" aria-rowindex={first + offset + 2} class={`row ${kindOf?.(row) ?? ""}`}
            tabIndex={onPick ? 0 : undefined} onClick={() => onPick?.(row)} onKeyDown={(event) => pick(event, row)}
            ref={(at) => { if (at) at.style.transform = `translateY(${(first + offset) * ROW_PX}px)`; }}
          >
            {cells(row)}
          </div>
        ))}
      </div>
    </div>
  );
}
