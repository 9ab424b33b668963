//! Functions local to a model, written out where they are called.

use crate::{Error, Result};
use onnx_ir::{AttributeProto, GraphProto, ModelProto, NodeProto};
use std::collections::HashMap;

/// Calls inside of functions inside of functions: more than this is taken for a circle.
const DEEPEST: usize = 32;
/// Nodes beyond which a file that writes out into ever more is refused.
const MOST_NODES: usize = 1 << 20;

/// Replaces every node that calls a function of the model by the function's nodes, again and again until none is left.
pub fn inline(model: &mut ModelProto) -> Result<()> {
    if model.functions.is_empty() {
        return Ok(());
    }
    let functions = std::mem::take(&mut model.functions);
    let named: HashMap<(String, String), usize> =
        functions.iter().enumerate().map(|(i, f)| ((f.domain.clone(), f.name.clone()), i)).collect();
    let known = |node: &NodeProto| named.get(&(node.domain.clone(), node.op_type.clone())).copied();
    let graph = model.graph.mut_or_insert_default();
    let mut calls = 0;
    for depth in 0.. {
        if !graph.node.iter().any(|node| known(node).is_some()) {
            break;
        }
        if depth == DEEPEST || graph.node.len() > MOST_NODES {
            return Err(Error::input("its functions call each other without end"));
        }
        let mut nodes = Vec::with_capacity(graph.node.len());
        for node in std::mem::take(&mut graph.node) {
            match known(&node) {
                Some(i) => {
                    let f = &functions[i];
                    calls += 1;
                    let call = Call::new(&f.input, &f.output, &node, calls, &f.attribute_proto);
                    nodes.extend(f.node.iter().map(|inner| call.written_out(inner)));
                }
                None => nodes.push(node),
            }
        }
        graph.node = nodes;
    }
    Ok(())
}

/// One call: the names and settings that stand for those of the function.
struct Call {
    names: HashMap<String, String>,
    settings: HashMap<String, AttributeProto>,
    prefix: String,
}

impl Call {
    fn new(inputs: &[String], outputs: &[String], node: &NodeProto, number: usize, usual: &[AttributeProto]) -> Self {
        let given = |i: usize, names: &[String]| names.get(i).cloned().unwrap_or_default();
        let inputs = inputs.iter().enumerate().map(|(i, name)| (name.clone(), given(i, &node.input)));
        let prefix = format!("{}/{number}/", node.op_type);
        let outputs = outputs.iter().enumerate().map(|(i, name)| match given(i, &node.output) {
            unread if unread.is_empty() => (name.clone(), format!("{prefix}{name}")),
            output => (name.clone(), output),
        });
        let settings = usual.iter().chain(&node.attribute).map(|a| (a.name.clone(), a.clone())).collect();
        Self { names: inputs.chain(outputs).collect(), settings, prefix }
    }

    fn name(&self, name: &str) -> String {
        match self.names.get(name) {
            Some(outer) => outer.clone(),
            None if name.is_empty() => String::new(),
            None => format!("{}{name}", self.prefix),
        }
    }

    fn written_out(&self, inner: &NodeProto) -> NodeProto {
        let mut node = inner.clone();
        node.name = format!("{}{}", self.prefix, inner.name);
        node.input.iter_mut().chain(&mut node.output).for_each(|name| *name = self.name(name));
        let attributes = std::mem::take(&mut node.attribute).into_iter().filter_map(|mut a| {
            if !a.ref_attr_name.is_empty() {
                let mut given = self.settings.get(&a.ref_attr_name)?.clone();
                given.name = a.name;
                return Some(given);
            }
            if let Some(graph) = a.g.as_mut() {
                self.rename(graph);
            }
            Some(a)
        });
        node.attribute = attributes.collect();
        node
    }

    /// The names of an inner graph, its own among them.
    fn rename(&self, graph: &mut GraphProto) {
        graph.input.iter_mut().chain(&mut graph.output).for_each(|v| v.name = self.name(&v.name));
        graph.initializer.iter_mut().for_each(|t| t.name = self.name(&t.name));
        graph.node = graph.node.iter().map(|node| self.written_out(node)).collect();
    }
}
