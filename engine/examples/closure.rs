//! Explains a Rust closure: `cargo run --release -p pellucid --example closure`.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use ndarray::{Array1, Array2, array};
use pellucid::Device;
use pellucid::data::Background;
use pellucid::explain::{KernelShap, Link, Summary};
use pellucid::model::HostFn;

fn main() -> pellucid::Result<()> {
    // Three features in, one output out; the second and third act only together.
    let names = ["rooms", "noise", "traffic"].map(String::from).to_vec();
    let price = HostFn::new(names, vec!["price".into()], |rows| {
        let one = |row: ndarray::ArrayView1<f32>| 50.0 * row[0] - 2.0 * row[1] * row[2];
        rows.outer_iter().map(one).collect::<Array1<f32>>().insert_axis(ndarray::Axis(1))
    });

    let background =
        Background::uniform(Array2::from_shape_fn((20, 3), |(row, feature)| ((row * (feature + 3)) % 7) as f32));
    let shap = KernelShap::builder(price, background).link(Link::Identity).seed(1).build(&Device::cpu())?;
    let explanation = shap.explain(array![[5.0, 6.0, 6.0], [2.0, 0.0, 3.0]].view())?;

    let provenance = shap.provenance();
    println!("design {}, {} model rows a row", provenance.design, shap.rows_per_instance());
    for (row, values) in explanation.values.outer_iter().enumerate() {
        println!("price {} = base {}", explanation.predictions[(row, 0)], explanation.base_values[0]);
        for (player, value) in provenance.players.iter().zip(values.row(0)) {
            println!("  {player:8} {value:+.3}");
        }
    }
    assert!(explanation.worst_additivity_gap() < 1e-4);

    // The same, over a whole table: add block after block, finish once.
    let mut summary = Summary::new(provenance.outputs.clone(), provenance.players.clone(), 0);
    summary.add(&explanation);
    for value in &summary.finish()[0].values {
        println!("mean |φ| of {:8} {:.3}", value.player, value.mean_abs);
    }
    Ok(())
}
