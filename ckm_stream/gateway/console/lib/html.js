// The one place that knows the vendored libraries (vendor/VENDORED.md).
import htm from "../vendor/htm.js";
import { h, render } from "../vendor/preact.js";
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact-hooks.js";

export const html = htm.bind(h);
export { render, useEffect, useId, useLayoutEffect, useMemo, useRef, useState };
