//! ONNX files written field by field, for graphs that a test makes up.

/// A message of protobuf.
#[derive(Default, Clone)]
pub struct Message(Vec<u8>);

impl Message {
    fn varint(mut self, mut value: u64) -> Self {
        while value > 127 {
            self.0.push(value as u8 | 128);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    fn int(self, field: u64, value: i64) -> Self {
        self.varint(field << 3).varint(value as u64)
    }

    fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let mut message = self.varint(field << 3 | 2).varint(bytes.len() as u64);
        message.0.extend(bytes);
        message
    }

    fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    fn message(self, field: u64, inner: &Message) -> Self {
        self.bytes(field, &inner.0)
    }
}

/// A node's setting.
pub enum Setting<'a> {
    Int(i64),
    Float(f32),
    Ints(&'a [usize]),
    Text(&'a str),
}

/// A graph while it is written; its inputs and outputs are floats of any shape.
#[derive(Default)]
pub struct OnnxFile {
    graph: Message,
}

impl OnnxFile {
    /// A node of the standard operator set.
    pub fn node(&mut self, op: &str, inputs: &[&str], output: &str, settings: &[(&str, Setting)]) {
        let mut node = inputs.iter().fold(Message::default(), |node, name| node.text(1, name));
        node = node.text(2, output).text(4, op);
        for (name, setting) in settings {
            let attribute = Message::default().text(1, name);
            let attribute = match setting {
                Setting::Int(i) => attribute.int(3, *i).int(20, 2),
                Setting::Float(f) => {
                    let mut attribute = attribute.varint(2 << 3 | 5);
                    attribute.0.extend(f.to_le_bytes());
                    attribute.int(20, 1)
                }
                Setting::Ints(list) => list.iter().fold(attribute, |a, &i| a.int(8, i as i64)).int(20, 7),
                Setting::Text(text) => attribute.text(4, text).int(20, 3),
            };
            node = node.message(5, &attribute);
        }
        self.graph = std::mem::take(&mut self.graph).message(1, &node);
    }

    /// A stored array of floats.
    pub fn constant(&mut self, name: &str, values: &[f32], dims: &[usize]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let tensor = dims.iter().fold(Message::default(), |tensor, &d| tensor.int(1, d as i64));
        let tensor = tensor.int(2, 1).text(8, name).bytes(9, &bytes);
        self.graph = std::mem::take(&mut self.graph).message(5, &tensor);
    }

    /// The whole file, with opset 17.
    pub fn finish(self, inputs: &[&str], outputs: &[&str]) -> Vec<u8> {
        let float = Message::default().message(1, &Message::default().int(1, 1));
        let port = |name: &&str| Message::default().text(1, name).message(2, &float);
        let graph = inputs.iter().fold(self.graph, |graph, name| graph.message(11, &port(name)));
        let graph = outputs.iter().fold(graph, |graph, name| graph.message(12, &port(name)));
        let opset = Message::default().text(1, "").int(2, 17);
        Message::default().int(1, 8).message(7, &graph.text(2, "made")).message(8, &opset).0
    }
}
