//! Shape arithmetic: small integers that never leave the host.

use super::elementwise::{Arithmetic, broadcast_dims};
use crate::model::onnx::value::Value;
use crate::{Error, Result};

fn parts(value: Value) -> Result<(Vec<i64>, Vec<usize>)> {
    match value {
        Value::Host { values, dims } => Ok((values, dims)),
        other => Err(Error::input(format!("expected a shape, got {} values", other.kind()))),
    }
}

/// `a ∘ b`, where one side may be a single number.
pub fn arithmetic(kind: Arithmetic, a: Value, b: Value) -> Result<Value> {
    let ((a, a_dims), (b, b_dims)) = (parts(a)?, parts(b)?);
    let n = if a.len() == 1 { b.len() } else { a.len() };
    if a.len() != n && a.len() != 1 || b.len() != n && b.len() != 1 {
        return Err(Error::input(format!("shapes of {} and {} numbers cannot be combined", a.len(), b.len())));
    }
    let dims = broadcast_dims(&[a_dims, b_dims])?;
    let of = |v: &[i64], i: usize| if v.len() == 1 { v[0] } else { v[i] };
    let values: Option<Vec<i64>> = (0..n).map(|i| kind.on_host(of(&a, i), of(&b, i))).collect();
    let values = values.ok_or_else(|| Error::input(format!("{kind:?} of sizes overflows or divides by zero")))?;
    Ok(Value::Host { values, dims })
}

/// `Gather` of numbers from a list.
pub fn gather(data: Value, indices: Value) -> Result<Value> {
    let ((data, _), (indices, dims)) = (parts(data)?, parts(indices)?);
    let n = data.len() as i64;
    let pick = |i: i64| data.get(usize::try_from(if i < 0 { i + n } else { i }).ok()?).copied();
    let values: Option<Vec<i64>> = indices.iter().map(|&i| pick(i)).collect();
    let values = values.ok_or_else(|| Error::input(format!("an index in {indices:?} is outside of {n} sizes")))?;
    Ok(Value::Host { values, dims })
}
