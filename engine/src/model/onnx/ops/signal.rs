//! Windows, Fourier transforms and what belongs to them, and a few small linear maps.

use super::host::{each_index, positions, strides};
use super::linear::product;
use super::{Cost, Maker, Prepared};
use crate::model::onnx::args::Args;
use crate::model::onnx::dtype::Dtype;
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use std::f64::consts::TAU;

pub const TABLE: &[(&str, Maker)] = &[
    ("HannWindow", |n| Ok(window(n, &[0.5, 0.5]))),
    ("HammingWindow", |n| Ok(window(n, &[0.543_478_260_869_565_2, 0.456_521_739_130_434_8]))),
    ("BlackmanWindow", |n| Ok(window(n, &[0.42, 0.5, 0.08]))),
    ("DFT", |n| Ok(dft(n))),
    ("STFT", |n| Ok(stft(n.flag("onesided", true)))),
    ("MelWeightMatrix", |_| Ok(Prepared::new(mel))),
    ("Det", |_| Ok(Prepared::new(det))),
    ("Col2Im", col2im),
];

/// `Σ ± a_k cos(2π k i / n)`.
fn window(n: &Node, shares: &'static [f64]) -> Prepared {
    let periodic = n.flag("periodic", true);
    let dtype = Dtype::from_code(n.int("output_datatype").unwrap_or(1) as i32);
    Prepared::new(move |args| {
        let size = args.ints(0)?.first().copied().unwrap_or(0).max(0) as usize;
        let period = if periodic { size } else { size.saturating_sub(1) }.max(1) as f64;
        let term = |i: usize, k: usize| shares[k] * (TAU * k as f64 * i as f64 / period).cos() * [1.0, -1.0][k % 2];
        let values = (0..size).map(|i| (0..shares.len()).map(|k| term(i, k)).sum::<f64>() as f32).collect();
        super::converted(Host::floats(values, &[size]).into(), dtype)
    })
}

/// Cosines and sines of a transform from `n` numbers to `out`.
fn circle(n: usize, length: usize, out: usize, inverse: bool) -> (Vec<f64>, Vec<f64>) {
    let sign = if inverse { 1.0 } else { -1.0 };
    let scale = if inverse { 1.0 / length as f64 } else { 1.0 };
    let angle = |k: usize| TAU * ((k / out) * (k % out) % length) as f64 / length as f64;
    let of = |f: fn(f64) -> f64, s: f64| (0..n * out).map(|k| s * scale * f(angle(k))).collect();
    (of(f64::cos, 1.0), of(f64::sin, sign))
}

/// The transform along an axis; the last axis holds real and imaginary parts.
fn dft(n: &Node) -> Prepared {
    let (inverse, half, attribute) = (n.flag("inverse", false), n.flag("onesided", false), n.int("axis"));
    let old = n.opset < 20;
    Prepared::new(move |args| {
        let dims = args.dims(0);
        let given = if old {
            attribute.unwrap_or(1)
        } else {
            args.optional_ints(2)?.and_then(|v| v.first().copied()).unwrap_or(-2)
        };
        let axis = node::axis(given, dims.len())?;
        let length = args.optional_ints(1)?.and_then(|v| v.first().copied());
        let values: Vec<f64> = args.host(0)?.numbers.floats().into_iter().map(f64::from).collect();
        let parts = dims[dims.len() - 1];
        let full = half && inverse;
        let length = length.map_or(if full { 2 * (dims[axis] - 1) } else { dims[axis] }, |l| l.max(1) as usize);
        let out = if half && !inverse { length / 2 + 1 } else { length };
        let mut to = dims.clone();
        to[axis] = out;
        let last = to.len() - 1;
        to[last] = if full { 1 } else { 2 };
        let (step, to_step) = (strides(&dims), strides(&to));
        let mut outer = dims.clone();
        (outer[axis], outer[last]) = (1, 1);
        let mut made = vec![0f32; to.iter().product()];
        let (cos, sin) = circle(length, length, out, inverse);
        each_index(&outer, |index| {
            let at: usize = index.iter().zip(&step).map(|(i, s)| i * s).sum();
            let to_at: usize = index.iter().zip(&to_step).map(|(i, s)| i * s).sum();
            let part = |t: usize, p: usize| {
                // The upper half of a one-sided spectrum mirrors the lower.
                let (t, mirrored) = if full && t > length / 2 { (length - t, true) } else { (t, false) };
                let v = if t < dims[axis] && p < parts { values[at + t * step[axis] + p] } else { 0.0 };
                if mirrored && p == 1 { -v } else { v }
            };
            for k in 0..out {
                let (mut re, mut im) = (0.0, 0.0);
                for t in 0..length {
                    let (c, s) = (cos[t * out + k], sin[t * out + k]);
                    re += part(t, 0) * c - part(t, 1) * s;
                    im += part(t, 0) * s + part(t, 1) * c;
                }
                made[to_at + k * to_step[axis]] = re as f32;
                if !full {
                    made[to_at + k * to_step[axis] + 1] = im as f32;
                }
            }
        });
        Ok(Host::floats(made, &to).into())
    })
    .cost(Cost::PerOutput(16))
}

/// Transforms of frames: operands signal `[batch, length, 1]`, step, window, frame length. As a product with a matrix on the device.
fn stft(half: bool) -> Prepared {
    Prepared::new(move |args| {
        let [batch, length, parts] = args.dims(0)[..] else {
            return Err(Error::input("the signal has not three axes"));
        };
        if parts != 1 {
            return Err(Error::input("complex signals are not supported"));
        }
        let step = args.ints(1)?.first().copied().unwrap_or(1).max(1) as usize;
        let window = args.has(2).then(|| args.host(2)).transpose()?.map(|h| h.numbers.floats());
        let stated = args.optional_ints(3)?.and_then(|v| v.first().copied()).map(|l| l.max(1) as usize);
        let frame = stated.or(window.as_ref().map(Vec::len)).ok_or_else(|| Error::input("no frame length is given"))?;
        if frame > length {
            return Err(Error::input(format!("frames of {frame} do not fit a signal of {length}")));
        }
        let (frames, out) = ((length - frame) / step + 1, if half { frame / 2 + 1 } else { frame });
        let (cos, sin) = circle(frame, frame, out, false);
        let weight = |i: usize| window.as_ref().map_or(1.0, |w| f64::from(w.get(i).copied().unwrap_or(0.0)));
        let value =
            |k: usize| (weight(k / (2 * out)) * [&cos, &sin][k % 2][k / (2 * out) * out + k % (2 * out) / 2]) as f32;
        let matrix = Host::floats((0..frame * out * 2).map(value).collect(), &[frame, out * 2]);
        let at = positions(&[batch, frames, frame], |i| i[0] * length + i[1] * step + i[2]);
        let cut = super::gather::picked(args.array(0)?, at, &[batch * frames, frame], args.device)?.into_float()?;
        let y = product(cut, matrix.upload(args.device)?.into_float()?)?;
        Ok(Value::Float(y.reshape(&[batch, frames, out, 2])?))
    })
    .cost(Cost::PerOutput(16))
}

/// Triangles on the mel scale: bands, transform length, sample rate, lowest and highest frequency.
fn mel(args: &mut Args) -> Result<Value> {
    let mut number = |i: usize| args.scalar(i).map(f64::from);
    let (bands, length, rate, low, high) =
        (number(0)? as usize, number(1)? as usize, number(2)?, number(3)?, number(4)?);
    let spectrum = length / 2 + 1;
    let to_mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let (low, high) = (to_mel(low), to_mel(high));
    let step = (high - low) / (bands + 2) as f64;
    let hertz = |i: usize| 700.0 * (10f64.powf((i as f64 * step + low) / 2595.0) - 1.0);
    let bins: Vec<i64> = (0..bands + 2).map(|i| ((length + 1) as f64 * hertz(i) / rate).floor() as i64).collect();
    let mut values = vec![0f32; spectrum * bands];
    for band in 0..bands {
        let (left, centre, right) = (bins[band], bins[band + 1], bins[band + 2]);
        let mut set = |j: i64, v: f64| {
            if let Ok(j) = usize::try_from(j)
                && j < spectrum
            {
                values[j * bands + band] = v as f32;
            }
        };
        if centre == left {
            set(centre, 1.0);
        }
        (left..=centre).filter(|_| centre != left).for_each(|j| set(j, (j - left) as f64 / (centre - left) as f64));
        (centre..right).for_each(|j| set(j, (right - j) as f64 / (right - centre) as f64));
    }
    Ok(Host::floats(values, &[spectrum, bands]).into())
}

/// Determinants of the last two axes, by elimination in f64.
fn det(args: &mut Args) -> Result<Value> {
    let host = args.host(0)?;
    let [outer @ .., n, m] = &host.dims[..] else { return Err(Error::input("a determinant of less than two axes")) };
    if n != m {
        return Err(Error::input(format!("a determinant of {n} by {m}")));
    }
    let values = host.numbers.floats();
    let dets = values.chunks((n * n).max(1)).map(|a| determinant(a.iter().map(|&v| v.into()).collect(), *n) as f32);
    Ok(Host::floats(dets.collect(), outer).into())
}

fn determinant(mut a: Vec<f64>, n: usize) -> f64 {
    let mut det = 1.0;
    for k in 0..n {
        let pivot = (k..n).max_by(|&i, &j| a[i * n + k].abs().total_cmp(&a[j * n + k].abs())).unwrap_or(k);
        if a[pivot * n + k] == 0.0 {
            return 0.0;
        }
        if pivot != k {
            (0..n).for_each(|j| a.swap(k * n + j, pivot * n + j));
            det = -det;
        }
        det *= a[k * n + k];
        for i in k + 1..n {
            let share = a[i * n + k] / a[k * n + k];
            (k..n).for_each(|j| a[i * n + j] -= share * a[k * n + j]);
        }
    }
    det
}

/// Columns of windows added up where they lie in the image.
fn col2im(n: &Node) -> Result<Prepared> {
    let given = super::conv::Window::read(n)?;
    Ok(Prepared::new(move |args| {
        let size = |v: Vec<i64>| v.into_iter().map(|d| d.max(0) as usize).collect::<Vec<usize>>();
        let (image, kernel) = (size(args.ints(1)?), size(args.ints(2)?));
        let host = args.host(0)?;
        let (values, [batch, rows, _]) = (host.numbers.floats(), host.dims[..].try_into().unwrap_or([0; 3]));
        let w = given.over(&image, &kernel)?;
        let volume: usize = kernel.iter().product();
        let channels = rows / volume.max(1);
        let padded = |i: usize| image[i] + w.pads[i] + w.pads[image.len() + i];
        let places: Vec<usize> =
            (0..image.len()).map(|i| (padded(i).saturating_sub(w.reach(i))) / w.strides[i] + 1).collect();
        let n_places: usize = places.iter().product();
        let (step, pixels) = (strides(&image), image.iter().product::<usize>());
        let mut made = vec![0f64; batch * channels * pixels];
        for plane in 0..batch * channels {
            let mut k = 0;
            each_index(&kernel, |inside| {
                let mut p = 0;
                each_index(&places, |place| {
                    let at = |i: usize| (place[i] * w.strides[i] + inside[i] * w.dilations[i]).checked_sub(w.pads[i]);
                    let pixel: Option<usize> =
                        (0..image.len()).map(|i| at(i).filter(|&a| a < image[i]).map(|a| a * step[i])).sum();
                    if let Some(pixel) = pixel {
                        made[plane * pixels + pixel] += f64::from(values[(plane * volume + k) * n_places + p]);
                    }
                    p += 1;
                });
                k += 1;
            });
        }
        let dims: Vec<usize> = [batch, channels].into_iter().chain(image).collect();
        Ok(Host::floats(made.into_iter().map(|v| v as f32).collect(), &dims).into())
    }))
}
