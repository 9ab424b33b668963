//! The reference network's forward, rows a second, by device and road; the device is read back inside the timed part.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pellucid::{Device, device::DeviceChoice, kernels::Tile};
use pellucid_benches::{Road, network, tiles};

fn forward(criterion: &mut Criterion) {
    let gpu = Device::open(DeviceChoice::Gpu(0)).ok();
    for device in [Device::cpu()].into_iter().chain(gpu) {
        let layers = network(device.burn());
        let mut group = criterion.benchmark_group(format!("forward/{}", device.name()));
        for rows in [1_000, 10_000, 100_000] {
            let tiles = tiles(rows, if device.is_cpu() { 1000 } else { rows }, device.burn());
            group.throughput(Throughput::Elements(rows as u64));
            for (name, road) in [("burn", Road::Burn), ("affine", Road::Affine(Tile::DEFAULT)), ("chain", Road::Chain)]
            {
                group.bench_with_input(BenchmarkId::new(name, rows), &rows, |bench, _| {
                    bench.iter(|| road.run(&tiles, &layers, device.is_cpu()));
                });
            }
        }
        group.finish();
    }
}

criterion_group! { name = benches; config = Criterion::default().sample_size(10); targets = forward }
criterion_main!(benches);
