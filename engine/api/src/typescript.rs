//! TypeScript's definitions of everything that crosses to the app, gathered from the types themselves.

use std::collections::BTreeMap;

use ts_rs::{Config, TS, TypeVisitor};

use crate::{
    error::ApiError,
    feed::{Delta, Snapshot},
    methods,
};

/// Definitions by name, so that their order never changes.
pub struct Definitions {
    config: Config,
    by_name: BTreeMap<String, String>,
}

impl Definitions {
    /// Those of the control API: parameters and answers of all methods, what a subscriber gets, and errors.
    pub fn of_the_api() -> Self {
        // A number of JavaScript is exact up to 2^53: enough bytes for any disk.
        let mut definitions = Self { config: Config::new().with_large_int("number"), by_name: BTreeMap::new() };
        definitions.add::<ApiError>();
        definitions.add::<Snapshot>();
        definitions.add::<Delta>();
        let methods = methods::typescript(&mut definitions);
        definitions.by_name.insert("Methods".into(), methods);
        definitions
    }

    /// Adds a type and all that it is made of.
    pub fn add<T: TS + 'static + ?Sized>(&mut self) {
        self.visit::<T>();
    }

    /// How a type is named where it is used.
    pub fn name_of<T: TS>(&self) -> String {
        T::name(&self.config)
    }

    /// The module's text.
    pub fn to_module(&self) -> String {
        let mut module = String::from(
            "// Generated from the types of the engine and the app by `cargo xtask types`. Not edited by hand.\n",
        );
        for definition in self.by_name.values() {
            module.push_str("\nexport ");
            module.push_str(definition);
            module.push('\n');
        }
        module
    }
}

impl TypeVisitor for Definitions {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // What has no place of its own is TypeScript's own, or made of others: lists and optional ones.
        if T::output_path().is_some() {
            let name = T::ident(&self.config);
            let definition = T::decl(&self.config);
            if let Some(known) = self.by_name.get(&name) {
                assert_eq!(*known, definition, "two types are named {name}");
                T::visit_generics(self);
                return;
            }
            self.by_name.insert(name, definition);
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}
