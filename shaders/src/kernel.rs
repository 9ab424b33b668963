//! What the host must know of a kernel to launch it, and the check that the shader agrees.

/// A WGSL kernel: its text and what a launch has to match.
#[derive(Debug)]
pub struct Kernel {
    /// The name of its files, its twin and its errors.
    pub name: &'static str,
    /// The whole text; the entry point is `main`.
    pub source: &'static str,
    /// Invocations in a workgroup (all along x).
    pub workgroup: u32,
    /// Buffers, the parameters included.
    pub bindings: usize,
    /// The parameters, binding 0.
    pub params: Layout,
}

/// Where the members of a parameter struct lie, in bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    pub span: usize,
    pub members: &'static [(&'static str, usize)],
}

/// The text of a kernel: the common part, then its own.
macro_rules! source {
    ($file:literal) => {
        concat!(include_str!("common.wgsl"), include_str!($file))
    };
}

/// Declares `Params`, the u32 parameters of a kernel, together with their [`Layout`].
macro_rules! params {
    ($($(#[$note:meta])* $member:ident,)+) => {
        /// Parameters of the kernel, shared with the shader byte for byte.
        #[repr(C)]
        #[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
        pub struct Params {
            $($(#[$note])* pub $member: u32,)+
        }

        impl Params {
            pub const LAYOUT: crate::Layout = crate::Layout {
                span: size_of::<Params>(),
                members: &[$((stringify!($member), std::mem::offset_of!(Params, $member)),)+],
            };
        }
    };
}

pub(crate) use {params, source};

#[cfg(test)]
mod tests {
    use crate::{KERNELS, Kernel};
    use naga::{Module, ShaderStage, TypeInner, valid};

    /// Parses and validates a kernel; both kinds of error show the place in the source.
    fn module(kernel: &Kernel) -> Module {
        let module = naga::front::wgsl::parse_str(kernel.source)
            .unwrap_or_else(|error| panic!("{}: {}", kernel.name, error.emit_to_string(kernel.source)));
        let capabilities = valid::Capabilities::default();
        if let Err(error) = valid::Validator::new(valid::ValidationFlags::all(), capabilities).validate(&module) {
            panic!("{}: {}", kernel.name, error.emit_to_string(kernel.source));
        }
        module
    }

    /// The struct behind binding 0: its span and each member's name and offset.
    fn layout(module: &Module) -> (usize, Vec<(String, usize)>) {
        let (_, params) =
            module.global_variables.iter().find(|(_, g)| g.binding.is_some_and(|b| b.binding == 0)).unwrap();
        let TypeInner::Struct { members, span } = &module.types[params.ty].inner else {
            panic!("binding 0 is no struct")
        };
        (*span as usize, members.iter().map(|m| (m.name.clone().unwrap(), m.offset as usize)).collect())
    }

    #[test]
    fn shaders_are_valid_and_match_the_table() {
        for kernel in KERNELS {
            let (name, module) = (kernel.name, module(kernel));
            assert_eq!(module.entry_points.len(), 1, "{name}: entry points");
            let entry = &module.entry_points[0];
            assert_eq!((entry.name.as_str(), entry.stage), ("main", ShaderStage::Compute), "{name}: entry point");
            assert_eq!(entry.workgroup_size, [kernel.workgroup, 1, 1], "{name}: workgroup size");

            let mut bindings: Vec<u32> =
                module.global_variables.iter().filter_map(|(_, g)| Some(g.binding?.binding)).collect();
            bindings.sort();
            assert_eq!(bindings, (0..kernel.bindings as u32).collect::<Vec<_>>(), "{name}: bindings");
            for (_, global) in module.global_variables.iter().filter(|(_, g)| g.binding.is_some()) {
                let access = naga::StorageAccess::LOAD | naga::StorageAccess::STORE;
                assert_eq!(global.space, naga::AddressSpace::Storage { access }, "{name}: {:?}", global.name);
            }

            let members = kernel.params.members.iter().map(|&(name, offset)| (name.to_string(), offset)).collect();
            assert_eq!(layout(&module), (kernel.params.span, members), "{name}: parameters");
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = KERNELS.iter().map(|k| k.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), KERNELS.len());
    }
}
