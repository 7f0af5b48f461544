import { readFileSync } from 'node:fs';

/** What is used of a global that only the types of browsers declare. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports?: WasmImports) => { readonly exports: unknown };
};

/** Functions that a module calls, by module and name. */
type WasmImports = Readonly<Record<string, Readonly<Record<string, () => void>>>>;

/** Memory that grows by pages; each growth makes a new buffer. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

const PAGE_BYTES = 65_536;

/** @param name of the module in models/ @returns its exports */
export function loadWasm<Exports>(name: string, imports?: WasmImports): Exports {
  const module = new WebAssembly.Module(readFileSync(new URL(`../../models/${name}.wasm`, import.meta.url)));
  return new WebAssembly.Instance(module, imports).exports as unknown as Exports;
}

/** Makes the memory at least so large. @throws RangeError where the system has no more */
export function growTo(memory: WasmMemory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES));
}
