//! CPU and GPU kernels agree: every kernel, on every device, against its f64 twin, at the lengths that find bugs.
//!
//! Lengths around a workgroup (1, one less, exactly, one more, several and a remainder) and one dispatch longer than a
//! single dimension allows (65535 workgroups). Bounds come from `rounding`; the chain of roundings is counted beside each.

use burn::tensor::{Int, Tensor, TensorData};
use pellucid::kernels::{Averaging, Link, Pairs, gram, mask, moments, project, read, read_count, solve, value};
use pellucid::{Device, Error};
use pellucid_shaders::{
    cholesky, gram as gram_twin, mask as mask_twin, moments as moments_twin, project as project_twin,
    value as value_twin,
};
use pellucid_tests::compare::{alone, assert_close, assert_same_bits, bits, noise, rounding};
use pellucid_tests::devices;

fn floats<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device.burn())
}

/// In the integers that the device prefers, not in the words that `Pairs::new` makes.
fn ints<const D: usize>(values: &[u32], shape: [usize; D], device: &Device) -> Tensor<D, Int> {
    let values: Vec<i64> = values.iter().map(|&v| i64::from(v as i32)).collect();
    Tensor::from_data(TensorData::new(values, shape), device.burn())
}

/// Σ |terms| of each result, in f64.
fn sum(terms: impl Iterator<Item = f32>) -> f64 {
    terms.map(|v| f64::from(v.abs())).sum()
}

struct MaskCase {
    rows: usize,
    features: usize,
    pairs: usize,
    run: usize,
    players: usize,
    per_row: bool,
    sides: usize,
}

impl MaskCase {
    /// Compares all devices with the twin, bit for bit, on values that include NaN and infinities.
    fn check(&self) {
        let Self { rows, features, pairs, run, players, per_row, sides } = *self;
        let (entries, words, background) = (if per_row { rows * pairs } else { pairs }, players.div_ceil(32), run + 3);
        let odd = |values: Vec<f32>| -> Vec<f32> {
            let special = [f32::NAN, f32::INFINITY, -0.0, f32::from_bits(0x7fc0_1234)];
            values.iter().enumerate().map(|(i, &v)| if i % 7 == 3 { special[i / 7 % 4] } else { v }).collect()
        };
        let (x, b) = (odd(noise(1, rows * features, -1.0, 1.0)), odd(noise(2, background * features, -9.0, -2.0)));
        let (members, start) = (bits(3, entries * words), bits(4, entries).iter().map(|w| w % 4).collect::<Vec<_>>());
        let player = |(f, w): (usize, &u32)| if f % 5 == 4 { mask_twin::NO_PLAYER } else { w % players as u32 };
        let player_of: Vec<u32> = bits(5, features).iter().enumerate().map(player).collect();

        let cells = rows * pairs * sides * run * features;
        let [cells_32, features_32, pairs_32, run_32, words_32] =
            [cells, features, pairs, run, words].map(|n| n as u32);
        let params = mask_twin::Params {
            cells: cells_32,
            features: features_32,
            pairs: pairs_32,
            run: run_32,
            words: words_32,
            per_row: u32::from(per_row),
            sides: sides as u32,
        };
        let mut expected = vec![0.0; cells];
        mask_twin::mask(&params, &x, &b, &members, &start, &player_of, &mut expected);
        for device in devices() {
            let what = format!("mask {params:?} on {}", device.name());
            let made = [
                Pairs::new(members.clone(), start.clone(), player_of.clone(), run, per_row, background, &device)
                    .unwrap(),
                Pairs {
                    members: ints(&members, [entries, words], &device),
                    start: ints(&start, [entries], &device),
                    player_of: ints(&player_of, [features], &device),
                    run,
                    per_row,
                    sides: 2,
                },
            ];
            for pairs in made.map(|pairs| if sides == 1 { pairs.one_sided() } else { pairs }) {
                let (x, b) = (floats(&x, [rows, features], &device), floats(&b, [background, features], &device));
                assert_same_bits(&what, &read(mask(x, b, &pairs).unwrap()).unwrap(), &expected);
            }
        }
    }
}

#[test]
fn mask_selects_the_same_bits() {
    for (rows, features, pairs, run, players, per_row) in [
        (1, 1, 1, 1, 1, false),
        (1, 85, 1, 2, 33, false), // 340 cells: one workgroup and a remainder
        (1, 127, 1, 1, 127, true),
        (2, 64, 1, 1, 64, false), // 256 cells: exactly one
        (3, 43, 1, 1, 5, true),   // 258: two more than one
        (5, 30, 37, 3, 30, false),
        (5, 30, 37, 3, 65, true),
    ] {
        for sides in [2, 1] {
            MaskCase { rows, features, pairs, run, players, per_row, sides }.check();
        }
    }
    // 16.8 million cells are 65625 workgroups.
    MaskCase { rows: 1, features: 1, pairs: 2000, run: 4200, players: 1, per_row: false, sides: 2 }.check();
}

#[test]
fn a_tile_of_pairs_is_that_part_of_the_whole() {
    let (features, pairs, run) = (3, 70, 2);
    for device in devices() {
        let all = Pairs::new(bits(1, pairs), vec![1; pairs], vec![0, 1, 2], run, false, 3, &device).unwrap();
        let rows = floats(&noise(2, features, 0.0, 1.0), [1, features], &device);
        let background = floats(&noise(3, 3 * features, 0.0, 1.0), [3, features], &device);
        let part = |pairs: &Pairs| read(mask(rows.clone(), background.clone(), pairs).unwrap()).unwrap();
        let pair_cells = 2 * run * features;
        // From 64 on the slice is a view into the buffer, from 5 on a copy.
        for range in [0..1, 5..69, 64..70] {
            let found = part(&all.tile(range.clone()).unwrap());
            assert_same_bits("tile", &found, &part(&all)[range.start * pair_cells..range.end * pair_cells]);
        }
        assert!(matches!(all.tile(60..71), Err(Error::Input { .. })));
    }
}

/// One case of `value`: T, P, K, L, whether rows differ, whether each background row has its own base.
fn check_value(shape: [usize; 4], per_row: bool, own_base: bool, link: Link) {
    [false, true].into_iter().for_each(|even| check_contrast(shape, per_row, own_base, link, even));
}

fn check_contrast([rows, pairs, outputs, run]: [usize; 4], per_row: bool, own_base: bool, link: Link, even: bool) {
    let (entries, background) = (if per_row { rows * pairs } else { pairs }, run + 3);
    let y = noise(1, rows * pairs * 2 * run * outputs, 0.1, 0.9);
    let weights = noise(2, background, 0.5, 2.0);
    let start: Vec<u32> = bits(3, entries).iter().map(|w| w % 4).collect();
    let tilt = noise(4, entries, -1.0, 1.0);
    let base_rows = if own_base { background } else { 1 };
    let (full, base) = (noise(5, rows * outputs, -2.0, 2.0), noise(6, base_rows * outputs, -2.0, 2.0));

    let lanes = value_twin::lanes(run);
    let params = value_twin::Params {
        cells: (rows * pairs * outputs) as u32,
        pairs: pairs as u32,
        outputs: outputs as u32,
        run: run as u32,
        lanes,
        logit: u32::from(link == Link::Logit),
        per_row: u32::from(per_row),
        base_rows: base_rows as u32,
        even: u32::from(even),
    };
    let mut expected = vec![0.0; rows * pairs * outputs];
    let inputs =
        value_twin::Inputs { predictions: &y, weights: &weights, start: &start, tilt: &tilt, full: &full, base: &base };
    value_twin::value(&params, inputs, &mut expected);

    // Two sums of a lane's terms and its halvings, their quotient, the difference, the tilted gain. Through the logit of a
    // p in 0.1..0.9 the mean's error grows by at most 1/(0.1·0.9), and WGSL allows the logarithm 2^-21 near one, which
    // ln(p/(1−p)) of these p stays within a few of.
    let chain = 2 * (run.div_ceil(lanes as usize) + lanes.ilog2() as usize) + 10;
    let bound = match link {
        Link::Identity => rounding(chain, 0.9 + 0.9 + 4.0),
        Link::Logit => rounding(chain, 2.0 * 0.9 / 0.09 + 4.0) + 2.0 * 4.0 / f64::from(1 << 21),
    };
    for device in devices() {
        let what = format!("value {params:?} on {}", device.name());
        let players = Pairs::new(vec![0; entries], start.clone(), vec![0], run, per_row, background, &device).unwrap();
        let averaging = Averaging {
            pairs: &players,
            weights: floats(&weights, [background], &device),
            link,
            tilt: floats(&tilt, [entries], &device),
            full: floats(&full, [rows, outputs], &device),
            base: floats(&base, [base_rows, outputs], &device),
            even,
        };
        let predictions = floats(&y, [rows * pairs * 2 * run, outputs], &device);
        let found = value(predictions.clone(), averaging.clone()).unwrap();
        assert_eq!(found.dims(), [rows, pairs, outputs], "{what}");
        let found = read(found).unwrap();
        assert_close(&what, &found, &expected, |_| bound);
        assert_same_bits(&what, &read(value(predictions, averaging).unwrap()).unwrap(), &found);
    }
}

#[test]
fn value_agrees() {
    for link in [Link::Identity, Link::Logit] {
        check_value([1, 1, 1, 1], false, true, link);
        check_value([1, 255, 1, 1], false, true, link);
        check_value([1, 256, 1, 1], true, true, link);
        check_value([1, 257, 1, 1], false, false, link);
        check_value([3, 17, 11, 1], true, true, link);
        check_value([2, 5, 3, 9], false, false, link); // two lanes
        check_value([3, 7, 2, 100], true, false, link); // sixteen
        check_value([1, 2, 1, 4097], false, false, link); // a workgroup and a row
    }
    check_value([1, 128, 131_071, 1], false, false, Link::Identity); // 65537 workgroups
}

#[test]
fn a_nan_prediction_and_a_certain_one_pass_the_logit() {
    for device in devices() {
        let pairs = Pairs::new(vec![0; 3], vec![0; 3], vec![0], 1, false, 1, &device).unwrap();
        let one = |v: f32| floats(&[v], [1, 1], &device);
        let averaging = Averaging {
            pairs: &pairs,
            weights: floats(&[1.0], [1], &device),
            link: Link::Logit,
            tilt: floats(&[0.0; 3], [3], &device),
            full: one(1.0),
            base: one(0.0),
            even: false,
        };
        let predictions = floats(&[f32::NAN, 0.5, 1.0, 0.5, 0.5, -7.0], [6, 1], &device);
        let found = read(value(predictions, averaging).unwrap()).unwrap();
        // ln(2²³ − 1) on both sides; the logarithm's error is 3 units in the last place.
        let certain = Link::Logit.apply(1.0) as f32;
        assert_close(device.name(), &found, &[f32::NAN, certain, certain], |_| rounding(8, certain.into()));
    }
}

/// One case of `moments`: T, K, L; donors in units of three, compared with the first of their unit.
fn check_moments([donors, outputs, run]: [usize; 3]) {
    let y = noise(1, donors * run * outputs, 0.5, 2.0);
    let weights = noise(2, run, 0.5, 2.0);
    let back: Vec<u32> = (0..donors as u32).map(|t| t % 3).collect();
    let lanes = moments_twin::lanes(run);
    let params =
        moments_twin::Params { cells: (donors * outputs) as u32, outputs: outputs as u32, run: run as u32, lanes };
    let mut expected = vec![0.0; donors * outputs * moments_twin::NUMBERS];
    moments_twin::moments(&params, &y, &weights, &back, &mut expected);

    // A lane's terms, its halvings, and three for difference, product and quotient. Outputs are below 2 and within 0.8 of their mean, their
    // differences below 1.5 and within 1.6: the means are off by chain·ε·2, and the sums by their own chain and by the means'.
    let chain = run.div_ceil(lanes as usize) + lanes.ilog2() as usize + 3;
    let weight_squares: f64 = weights.iter().map(|&w| f64::from(w).powi(2)).sum();
    let bound = |kind: usize| match kind {
        0 | 3 => rounding(chain, 2.0),
        1 | 4 => rounding(chain, (1.6 + 2.0) * weight_squares),
        _ => rounding(chain + 1, (1.6 * 1.6 + 2.0 * 1.6 * 2.0) * weight_squares),
    };
    for device in devices() {
        let what = format!("moments {params:?} on {}", device.name());
        let predictions = floats(&y, [donors * run, outputs], &device);
        let (weights, back) = (floats(&weights, [run], &device), ints(&back, [donors], &device));
        let found = moments(predictions.clone(), weights.clone(), back.clone()).unwrap();
        assert_eq!(found.dims(), [donors, outputs, moments_twin::NUMBERS], "{what}");
        let found = read(found).unwrap();
        // Each kind of number has its own size, so it is compared on its own: the bounds must be narrow for each.
        for kind in 0..moments_twin::NUMBERS {
            let of_kind =
                |all: &[f32]| all.iter().skip(kind).step_by(moments_twin::NUMBERS).copied().collect::<Vec<_>>();
            assert_close(&what, &of_kind(&found), &of_kind(&expected), |_| bound(kind));
        }
        assert_same_bits(&what, &read(moments(predictions, weights, back).unwrap()).unwrap(), &found);
    }
}

#[test]
fn moments_agree() {
    check_moments([1, 1, 1]);
    check_moments([255, 1, 2]);
    check_moments([86, 3, 8]); // 258 cells of one lane: a workgroup and two
    check_moments([50, 2, 9]); // two lanes
    check_moments([7, 3, 100]); // sixteen
    check_moments([3, 2, 4097]); // a workgroup and a row
    // 4097 workgroups. More than one dimension allows would need larger buffers than every device binds.
    check_moments([262_144, 2, 10]);
}

#[test]
fn a_nan_prediction_stays_in_its_donors() {
    for device in devices() {
        let predictions = floats(&[1.0, f32::NAN, 3.0, 5.0, 2.0, 2.0], [6, 1], &device);
        let (weights, back) = (floats(&[1.0, 1.0], [2], &device), ints(&[0, 1, 0], [3], &device));
        let found = read(moments(predictions, weights, back).unwrap()).unwrap();
        assert!(found[0].is_nan() && found[9].is_nan(), "{found:?} on {}", device.name());
        assert_eq!((found[6], &found[12..]), (4.0, &[2.0, 0.0, 0.0, 0.0, 0.0, 0.0][..]), "on {}", device.name());
    }
}

/// One case of `project`: T, P, K, q and the group bounds.
fn check_project([explained, pairs, outputs, rows]: [usize; 4], bounds: &[u32]) {
    let (d, m) = (noise(1, explained * pairs * outputs, -1.0, 1.0), noise(2, rows * pairs, -1.0, 1.0));
    let groups = bounds.len() - 1;
    let params = project_twin::Params {
        pairs: pairs as u32,
        rows: rows as u32,
        columns: (explained * outputs) as u32,
        outputs: outputs as u32,
        groups: groups as u32,
    };
    let mut expected = vec![0.0; explained * outputs * groups * rows];
    project_twin::project(&params, &d, &m, bounds, &mut expected);

    let magnitude = |i: usize| {
        let (j, group, column) = (i % rows, i / rows % groups, i / rows / groups);
        let at = |p: usize| d[((column / outputs) * pairs + p) * outputs + column % outputs];
        sum((bounds[group] as usize..bounds[group + 1] as usize).map(|p| m[j * pairs + p] * at(p)))
    };
    // A product, a block of 32 terms, the blocks of 64 lanes × 32 pairs, six halvings.
    let chain = 1 + 32 + pairs.div_ceil(2048) + 6;
    for device in devices() {
        let what = format!("project {params:?} on {}", device.name());
        let d = floats(&d, [explained, pairs, outputs], &device);
        let m = floats(&m, [rows, pairs], &device);
        let found = project(d.clone(), m.clone(), ints(bounds, [bounds.len()], &device)).unwrap();
        assert_eq!(found.dims(), [explained, outputs, groups, rows], "{what}");
        let found = read(found).unwrap();
        assert_close(&what, &found, &expected, |i| rounding(chain, magnitude(i)));
        let again = project(d, m, ints(bounds, [bounds.len()], &device)).unwrap();
        assert_same_bits(&what, &read(again).unwrap(), &found);
    }
}

#[test]
fn project_agrees() {
    for pairs in [1, 63, 64, 65, 2049, 5000] {
        check_project([1, pairs, 1, 30], &[0, pairs as u32]);
    }
    check_project([3, 70, 3, 5], &[0, 1, 1, 64, 70]);
    check_project([4, 2100, 1, 4], &[0, 2048, 2100]);
    check_project([4100, 2, 1, 256], &[0, 2]); // 65600 workgroups
}

/// One case of `gram`: T, P, K, n.
fn check_gram([explained, pairs, outputs, players]: [usize; 4]) {
    let words = players.div_ceil(32);
    let members = bits(1, explained * pairs * words);
    let (weights, d) = (noise(2, explained * pairs, 0.0, 1.0), noise(3, explained * pairs * outputs, -1.0, 1.0));
    let params = gram_twin::Params {
        rows: explained as u32,
        pairs: pairs as u32,
        players: players as u32,
        outputs: outputs as u32,
        words: words as u32,
    };
    let mut expected = (vec![0.0; explained * players * players], vec![0.0; explained * players * outputs]);
    gram_twin::gram(&params, &members, &weights, &d, &mut expected.0, &mut expected.1);

    // A product, a block of 32 pairs, the blocks. Contrasts are below one, so the weights bound both sums.
    let chain = 1 + pairs.min(32) + pairs.div_ceil(32);
    let magnitude = |t: usize| sum(weights[t * pairs..][..pairs].iter().copied());
    for device in devices() {
        let what = format!("gram {params:?} on {}", device.name());
        let (a, b) = gram(
            ints(&members, [explained * pairs, words], &device),
            floats(&weights, [explained, pairs], &device),
            floats(&d, [explained, pairs, outputs], &device),
            players,
        )
        .unwrap();
        let a_bound = |i| rounding(chain, magnitude(i / (players * players)));
        let b_bound = |i| rounding(chain, magnitude(i / (players * outputs)));
        assert_close(&what, &read(a).unwrap(), &expected.0, a_bound);
        assert_close(&what, &read(b).unwrap(), &expected.1, b_bound);
    }
}

#[test]
fn gram_agrees() {
    for players in [1, 30, 31, 32, 33, 63] {
        check_gram([2, 40, 1, players]);
    }
    check_gram([3, 1, 5, 12]);
    check_gram([2, 65, 2, 100]);
    check_gram([2, 33, 40, 5]);
    check_gram([2, 1000, 1, 30]);
    check_gram([65_600, 1, 1, 1]); // a workgroup each
}

/// One case of `solve`: T, n, K. The off-diagonal elements of a row sum to at most 0.5 beside a diagonal of 1.
fn check_solve([systems, n, outputs]: [usize; 3]) {
    let off = noise(1, systems * n * n, -0.5, 0.5);
    let gram: Vec<f32> = (0..systems * n * n)
        .map(|cell| {
            let (t, i, j) = (cell / (n * n), cell / n % n, cell % n);
            if i == j { 1.0 } else { off[(t * n + i.min(j)) * n + i.max(j)] / n as f32 }
        })
        .collect();
    let rhs = noise(2, systems * n * outputs, -1.0, 1.0);
    let params = cholesky::Params { systems: systems as u32, players: n as u32, outputs: outputs as u32 };
    let mut expected = vec![0.0; systems * n * outputs];
    cholesky::solve(&params, &gram, &rhs, &mut expected);

    // Eigenvalues lie in 0.5..1.5, so ‖A⁻¹‖∞ ≤ 2 and |x| ≤ 2; a result passes n steps down, n up, and the sums of n.
    let bound = rounding(3 * n + 8, 2.0 * 2.0);
    for device in devices() {
        let what = format!("solve {params:?} on {}", device.name());
        let (gram, rhs) = (floats(&gram, [systems, n, n], &device), floats(&rhs, [systems, n, outputs], &device));
        let found = read(solve(gram.clone(), rhs.clone()).unwrap()).unwrap();
        assert_close(&what, &found, &expected, |_| bound);
        assert_same_bits(&what, &read(solve(gram, rhs).unwrap()).unwrap(), &found);
    }
}

#[test]
fn solve_agrees() {
    for (systems, n, outputs) in [(1, 2, 1), (3, 5, 2), (2, 30, 3), (1, 255, 1), (1, 256, 1), (1, 257, 4)] {
        check_solve([systems, n, outputs]);
    }
    check_solve([65_600, 2, 1]); // a workgroup each
}

#[test]
fn a_singular_system_agrees_and_is_finite() {
    let first = [1.0, -1.0, 1.0, -1.0f32];
    // One pair of four players leaves pivots that are exactly zero, so nothing but a few roundings differs and the ridge
    // itself is compared; with two pairs they are zero up to rounding, which the ridge divides.
    for (signs, bound) in
        [(vec![first], rounding(20, 2.0)), (vec![first, [1.0, 1.0, 1.0, -1.0]], rounding(20, 2.0 / cholesky::RIDGE))]
    {
        let gram: Vec<f32> = (0..16).map(|i| signs.iter().map(|s| s[i / 4] * s[i % 4]).sum()).collect();
        let rhs: Vec<f32> = (0..4).map(|i| signs.iter().map(|s| 2.0 * s[i]).sum()).collect();
        let mut expected = [0.0; 4];
        cholesky::solve(&cholesky::Params { systems: 1, players: 4, outputs: 1 }, &gram, &rhs, &mut expected);
        for device in devices() {
            let found = solve(floats(&gram, [1, 4, 4], &device), floats(&rhs, [1, 4, 1], &device)).unwrap();
            let found = read(found).unwrap();
            assert_close(device.name(), &found, &expected, |_| bound);
            assert!(found.iter().sum::<f32>().abs() < 1e-5, "{found:?}");
        }
    }
}

#[test]
fn nothing_is_read_between_mask_and_project() {
    alone("agreement::nothing_is_read_between_mask_and_project", || {
        let (features, count) = (4, 6);
        for device in devices() {
            let pairs = Pairs::new(bits(1, count), vec![0; count], vec![0, 1, 2, 3], 1, false, 1, &device).unwrap();
            let rows = floats(&noise(2, 2 * features, 0.0, 1.0), [2, features], &device);
            let background = floats(&[0.0; 4], [1, features], &device);
            let before = read_count();
            let predictions = mask(rows.clone(), background, &pairs).unwrap().sum_dim(1);
            let averaging = Averaging {
                pairs: &pairs,
                weights: floats(&[1.0], [1], &device),
                link: Link::Identity,
                tilt: floats(&[0.0; 6], [count], &device),
                full: rows.sum_dim(1),
                base: floats(&[0.0], [1, 1], &device),
                even: false,
            };
            let contrasts = value(predictions, averaging).unwrap();
            let matrix = floats(&noise(3, 3 * count, 0.0, 1.0), [3, count], &device);
            let estimate = project(contrasts, matrix, ints(&[0, 6], [2], &device)).unwrap();
            assert_eq!(read_count(), before, "on {}", device.name());
            read(estimate).unwrap();
            assert_eq!(read_count(), before + 1, "on {}", device.name());
        }
    });
}

#[test]
fn wrong_arguments_are_named() {
    let device = Device::cpu();
    let message = |result: Result<(), Error>| result.expect_err("refused").to_string();
    let pairs =
        |start, player, run| message(Pairs::new(vec![0], vec![start], vec![player], run, false, 3, &device).map(drop));
    assert!(pairs(2, 0, 2).contains("leaves the background of 3 rows"));
    assert!(pairs(0, 32, 1).contains("player 32 has no bit"));
    assert!(pairs(0, 0, 0).contains("a run of 0"));

    let three = Pairs::new(vec![0; 3], vec![0; 3], vec![0, 1], 1, false, 1, &device).unwrap();
    let zeros = |rows: usize, columns: usize| floats(&vec![0.0; rows * columns], [rows, columns], &device);
    assert!(message(mask(zeros(1, 2), zeros(1, 3), &three).map(drop)).contains("background has the shape [1, 3]"));
    let own = Pairs { per_row: true, ..three };
    assert!(message(mask(zeros(2, 2), zeros(1, 2), &own).map(drop)).contains("3 pairs do not divide among 2 rows"));
    let contrasts = zeros(2, 3).reshape([1, 2, 3]);
    let bounds = ints(&[0], [1], &device);
    assert!(message(project(contrasts, zeros(1, 2), bounds).map(drop)).contains("groups has the shape [1]"));
}
