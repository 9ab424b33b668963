//! Gelu as exporters write it out, x · ½ (1 + erf(x / √2)) in three orders, found so that it can be one step.

use super::build::Builder;
use super::ops;
use super::whole::{Whole, is, maker, number, other, scaling};
use crate::Result;

/// The gelu around node `i`, if that is its `Erf`.
pub fn find(builder: &mut Builder, i: usize) -> Result<Option<Whole>> {
    if !is(&builder.graph.node[i], "Erf") {
        return Ok(None);
    }
    let found = around(builder, i)?;
    Ok(found.map(|(nodes, x)| Whole { name: "Gelu", prepared: ops::gelu(), operands: vec![x], nodes }))
}

/// The gelu around an `Erf`: its nodes, the last one last, and its x.
fn around(builder: &mut Builder, erf: usize) -> Result<Option<(Vec<usize>, String)>> {
    let Some(scaled) = maker(builder, &builder.graph.node[erf].input[0]) else { return Ok(None) };
    let Some((x, factor)) = scaling(builder, scaled)? else { return Ok(None) };
    if (factor - std::f64::consts::FRAC_1_SQRT_2).abs() > 1e-4 || builder.sole_reader(scaled) != Some(erf) {
        return Ok(None);
    }
    let Some(plus) = builder.sole_reader(erf) else { return Ok(None) };
    let one = other(builder, plus, erf, "Add").and_then(|name| number(builder, &name).transpose()).transpose()?;
    let Some(product) = builder.sole_reader(plus).filter(|_| one == Some(1.0)) else { return Ok(None) };
    let Some(factor) = other(builder, product, plus, "Mul") else { return Ok(None) };
    // x / 2 was made before.
    if let Some(half) = maker(builder, &factor)
        && builder.sole_reader(half) == Some(product)
        && scaling(builder, half)? == Some((x.clone(), 0.5))
    {
        return Ok(Some((vec![scaled, erf, plus, half, product], x)));
    }
    let halved = number(builder, &factor)? == Some(0.5);
    if !halved && factor != x {
        return Ok(None);
    }
    let Some(last) = builder.sole_reader(product) else { return Ok(None) };
    let Some(rest) = other(builder, last, product, "Mul") else { return Ok(None) };
    let whole = if halved { rest == x } else { number(builder, &rest)? == Some(0.5) };
    Ok(whole.then_some((vec![scaled, erf, plus, product, last], x)))
}
