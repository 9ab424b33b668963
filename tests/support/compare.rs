//! Comparisons with named bounds, and numbers that look random.

/// The bound on the rounding of an f32 computation: `c` roundings in a row, each at most ε of `magnitude`, the sum of the
/// absolute values of the terms. `c` is the longest chain of operations that one result passes through.
pub fn rounding(c: usize, magnitude: f64) -> f64 {
    c as f64 * f64::from(f32::EPSILON) * magnitude
}

/// Fails if an element differs by more than its bound, showing the first five that do. NaN agrees with NaN only.
///
/// A bound above a hundredth of the largest expected value is refused: a comparison must be able to fail.
#[track_caller]
pub fn assert_close(what: &str, found: &[f32], expected: &[f32], bound: impl Fn(usize) -> f64) {
    assert_eq!(found.len(), expected.len(), "{what}: number of values");
    let largest = expected.iter().filter(|v| v.is_finite()).fold(0.0, |a: f64, &v| a.max(f64::from(v).abs()));
    let far = |i: usize| {
        let (a, b, bound) = (f64::from(found[i]), f64::from(expected[i]), bound(i));
        assert!(
            bound <= 0.01 * largest || largest == 0.0,
            "{what} [{i}]: the bound {bound:e} is too wide for {largest:e}"
        );
        if a.is_nan() || b.is_nan() { a.is_nan() != b.is_nan() } else { a != b && (a - b).abs() > bound }
    };
    let wrong: Vec<usize> = (0..found.len()).filter(|&i| far(i)).collect();
    let line = |&i: &usize| {
        let (a, b) = (f64::from(found[i]), f64::from(expected[i]));
        format!("\n  [{i}] found {a:e}, expected {b:e}, difference {:e}, bound {:e}", (a - b).abs(), bound(i))
    };
    let lines: String = wrong.iter().take(5).map(line).collect();
    assert!(wrong.is_empty(), "{what}: {} of {} values differ{lines}", wrong.len(), found.len());
}

/// Fails unless all values have the same bits.
#[track_caller]
pub fn assert_same_bits(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}: number of values");
    let differs = |i: &usize| found[*i].to_bits() != expected[*i].to_bits();
    let wrong = (0..found.len()).find(differs);
    assert!(wrong.is_none(), "{what}: first difference {:?}", wrong.map(|i| (i, found[i], expected[i])));
}

/// `count` words that look random (splitmix64), the same for the same seed.
pub fn bits(seed: u64, count: usize) -> Vec<u32> {
    let word = |i: u64| {
        let mut z = (seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ i).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 32) as u32
    };
    (0..count as u64).map(word).collect()
}

/// `count` numbers in `low..high` that look random, the same for the same seed.
pub fn noise(seed: u64, count: usize, low: f32, high: f32) -> Vec<f32> {
    let scaled = |word: u32| low + (high - low) * (word >> 8) as f32 / (1 << 24) as f32;
    bits(seed, count).into_iter().map(scaled).collect()
}

/// Runs `body` in a process of its own, by starting the test `name` once more: for state that a whole process shares.
#[track_caller]
pub fn alone(name: &str, body: impl FnOnce()) {
    const MARK: &str = "PELLUCID_TEST_ALONE";
    if std::env::var(MARK).as_deref() == Ok(name) {
        return body();
    }
    let program = std::env::current_exe().expect("the test binary");
    let run = std::process::Command::new(program).args([name, "--exact", "--nocapture"]).env(MARK, name).output();
    let output = run.expect("the test binary runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}
