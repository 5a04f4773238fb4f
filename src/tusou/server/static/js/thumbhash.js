// Decode a ThumbHash (about 25 bytes) into a tiny picture, painted while the thumbnail loads.
// Format: https://evanw.github.io/thumbhash/ : a luminance and two colour planes as low DCT frequencies.

const WHITE = 224; // of 255: placeholders are soft, and a white border comes out a little darker

/** Paint the placeholder of a base64 ThumbHash on a canvas; one of a motif on white gets the class `cutout`. */
export function paint(canvas, base64) {
  const hash = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  if (hash.length < 5) return;
  const { width, height, rgba } = decode(hash);
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  const corners = [0, width - 1, (height - 1) * width, height * width - 1].map((at) => rgba.subarray(4 * at, 4 * at + 3));
  canvas.classList.toggle("cutout", corners.filter((color) => Math.min(...color) >= WHITE).length >= 3);
}

/** Decode into {width, height, rgba}; the longer side has 32 pixels. */
export function decode(hash) {
  const head = readHeader(hash);
  let nibble = (head.alpha ? 6 : 5) * 2;
  const plane = (nx, ny, scale) => {
    const values = [];
    for (let cy = 0; cy < ny; cy++)
      for (let cx = cy ? 0 : 1; cx * ny < nx * (ny - cy); cx++, nibble++)
        values.push((((hash[nibble >> 1] >> ((nibble & 1) << 2)) & 15) / 7.5 - 1) * scale);
    return { nx, ny, values };
  };
  const light = plane(head.lx, head.ly, head.lScale);
  const yellow = plane(3, 3, head.pScale * 1.25); // encoders quantise colour in a narrower range
  const red = plane(3, 3, head.qScale * 1.25);
  return render(head, light, yellow, red);
}

function readHeader(hash) {
  const first = hash[0] | (hash[1] << 8) | (hash[2] << 16);
  const second = hash[3] | (hash[4] << 8);
  const landscape = second >> 15;
  const alpha = first >> 23;
  const long = alpha ? 5 : 7;
  return {
    l: (first & 63) / 63,
    p: ((first >> 6) & 63) / 31.5 - 1,
    q: ((first >> 12) & 63) / 31.5 - 1,
    lScale: ((first >> 18) & 31) / 31,
    pScale: ((second >> 3) & 63) / 63,
    qScale: ((second >> 9) & 63) / 63,
    lx: Math.max(3, landscape ? long : second & 7),
    ly: Math.max(3, landscape ? second & 7 : long),
    alpha,
  };
}

function render(head, light, yellow, red) {
  const ratio = head.lx / head.ly;
  const width = Math.round(ratio > 1 ? 32 : 32 * ratio);
  const height = Math.round(ratio > 1 ? 32 / ratio : 32);
  const rgba = new Uint8ClampedArray(width * height * 4);
  const cosX = cosines(width);
  const cosY = cosines(height);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i += 4) {
      const l = head.l + sum(light, cosX[x], cosY[y]);
      const p = head.p + sum(yellow, cosX[x], cosY[y]);
      const q = head.q + sum(red, cosX[x], cosY[y]);
      const b = l - (2 / 3) * p;
      const r = (3 * l - b + q) / 2;
      rgba.set([255 * r, 255 * (r - q), 255 * b, 255], i);
    }
  return { width, height, rgba };
}

function cosines(size) {
  return Array.from({ length: size }, (_, at) =>
    Array.from({ length: 8 }, (_, order) => Math.cos((Math.PI / size) * (at + 0.5) * order)));
}

function sum({ nx, ny, values }, cosX, cosY) {
  let total = 0;
  for (let cy = 0, j = 0; cy < ny; cy++)
    for (let cx = cy ? 0 : 1; cx * ny < nx * (ny - cy); cx++, j++) total += values[j] * cosX[cx] * cosY[cy] * 2;
  return total;
}
