//! `pellucid devices`: what is there, its limits, what auto takes and why.

use crate::Exit;
use crate::number::{bytes, thousands};
use crate::terminal::Terminal;
use pellucid::device::{AUTO_RULE, DeviceChoice, DeviceInfo};
use pellucid::{Device, Result};

pub fn run(terminal: &Terminal) -> Result<Exit> {
    let devices = Device::list();
    let auto = Device::open(DeviceChoice::Auto)?;
    if terminal.json() {
        let auto = serde_json::json!({ "id": auto.name(), "why": auto.why(), "rule": AUTO_RULE });
        let all = serde_json::json!({ "devices": devices, "auto": auto });
        terminal.data(&format!("{all:#}"))?;
        return Ok(Exit::Done);
    }
    let list: Vec<String> = devices.iter().map(describe).collect();
    terminal.data(&format!(
        "{}\n\n--device auto takes {}\n  because {}\n  rule: {AUTO_RULE}",
        list.join("\n\n"),
        auto.name(),
        auto.why()
    ))?;
    Ok(Exit::Done)
}

fn describe(device: &DeviceInfo) -> String {
    let mut lines =
        vec![format!("{}  {}", device.id, device.hardware), format!("  {} through {}", device.kind, device.api)];
    if !device.driver.is_empty() {
        lines.push(format!("  driver {}", device.driver));
    }
    if let Some(cores) = device.cores {
        lines.push(format!("  {cores} threads, {}", device.simd.as_deref().unwrap_or("no vector instructions")));
    }
    if let Some(limits) = &device.limits {
        let (buffer, binding) = (bytes(limits.max_buffer_bytes), bytes(limits.max_binding_bytes));
        lines.push(format!("  buffers up to {buffer}, of which a kernel sees {binding}"));
        lines.push(format!(
            "  workgroups of up to {} threads and {} of shared memory, {} an axis",
            thousands(limits.max_workgroup_threads.into()),
            bytes(limits.workgroup_memory_bytes.into()),
            thousands(limits.max_workgroups.into()),
        ));
    }
    lines.join("\n")
}
