//! Views: names for what a pipeline makes of a collection or of another view.
//!
//! Definitions are documents of the database's `system.views`, `{_id: "db.view", viewOn, pipeline, collation}`. This
//! is their form in memory: a table that is replaced as a whole, so that a request sees the same views from its
//! beginning to its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use smongo_compiler::ResolvedView;
use smongo_compiler::front::collation;
use smongo_vm::Code;
use smongo_vm::value::{DocBuf, RawDoc, Value};

use crate::error::{Error, Result};
use crate::request::Namespace;

/// The collection of a database that holds the definitions of its views.
pub(crate) const SYSTEM_VIEWS: &str = "system.views";

/// Most views over each other. MongoDB: 20.
const DEPTH_MAX: usize = 20;

/// Most bytes of a view's pipeline with those of the views below. MongoDB: 16,000,000.
const PIPELINE_MAX_BYTES: usize = 16_000_000;

/// The definition of a view.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub ns: Namespace,
    /// The collection or view that is read, in the same database.
    pub view_on: String,
    /// An array of stages.
    pub pipeline: DocBuf,
    pub collation: Option<DocBuf>,
    /// Everything that the view reads, other than through other views.
    pub reads: Vec<Namespace>,
}

/// All views.
#[derive(Clone, Default, Debug)]
pub(crate) struct ViewTable(BTreeMap<Namespace, Arc<View>>);

impl View {
    /// As `system.views` keeps the view.
    pub fn document(&self) -> DocBuf {
        DocBuf::build(|doc| {
            doc.string("_id", self.ns.full());
            doc.elements_of(&self.options());
        })
    }

    /// As `listCollections` gives the view's options.
    pub fn options(&self) -> DocBuf {
        DocBuf::build(|doc| {
            doc.string("viewOn", &self.view_on);
            doc.value("pipeline", Value::array(&self.pipeline));
            if let Some(collation) = &self.collation {
                doc.value("collation", Value::document(collation));
            }
        })
    }
}

impl ViewTable {
    /// The view of this name.
    pub fn get(&self, ns: &Namespace) -> Option<&Arc<View>> {
        self.0.get(ns)
    }

    /// The views of a database, by name.
    pub fn in_database(&self, db: &str) -> Vec<Arc<View>> {
        self.0.values().filter(|view| view.ns.db() == db).cloned().collect()
    }

    /// The same table with other views in a database.
    pub fn with_database(&self, db: &str, views: impl IntoIterator<Item = View>) -> Self {
        let others = self.0.iter().filter(|(ns, _)| ns.db() != db).map(|(ns, view)| (ns.clone(), Arc::clone(view)));
        Self(others.chain(views.into_iter().map(|view| (view.ns.clone(), Arc::new(view)))).collect())
    }

    /// The collection that a view reads in the end, and the pipeline over it; `None` when there is no such view.
    pub fn resolve(&self, ns: &Namespace) -> Option<ResolvedView> {
        let chain = self.chain(ns);
        let (base, collation) = (chain.last()?.view_on.clone(), chain.first()?.collation.clone());
        let pipeline = DocBuf::build(|array| {
            let stages = chain.iter().rev().flat_map(|view| view.pipeline.values());
            for (at, stage) in stages.enumerate() {
                array.value(&at.to_string(), stage);
            }
        });
        Some(ResolvedView { coll: base, pipeline, collation })
    }

    /// The collation under which a request on a view runs: the view's, and no other.
    pub fn collation_of(&self, ns: &Namespace, requested: Option<&RawDoc>) -> Result<DocBuf> {
        let own = self.get(ns).and_then(|view| view.collation.clone());
        let own = own.unwrap_or_else(|| DocBuf::build(|simple| simple.string("locale", "simple")));
        if let Some(requested) = requested.filter(|requested| !requested.is_empty())
            && collation::parse(requested)? != collation::parse(&own)?
        {
            let message = format!("Cannot override a view's default collation, {ns}");
            return Err(Error::new(Code::OPTION_NOT_SUPPORTED_ON_VIEW, message));
        }
        Ok(own)
    }

    /// A view and the views below it, from the top.
    fn chain(&self, ns: &Namespace) -> Vec<&Arc<View>> {
        let mut chain: Vec<&Arc<View>> = Vec::new();
        let mut next = self.get(ns);
        while let Some(view) = next.filter(|_| chain.len() <= DEPTH_MAX) {
            chain.push(view);
            next = self.get(&Namespace::trusted(view.ns.db(), &view.view_on));
        }
        chain
    }

    /// Fails when a view would read itself, or stand on too many others.
    pub fn check(&self, view: &View) -> Result<()> {
        let mut depths = BTreeMap::new();
        for each in std::iter::once(view).chain(self.0.values().map(|view| &**view).filter(|other| other.ns != view.ns))
        {
            if self.depth(each, view, &mut Vec::new(), &mut depths)? > DEPTH_MAX {
                return Err(too_deep());
            }
        }
        let size: usize = view.pipeline.as_bytes().len()
            + self
                .chain(&Namespace::trusted(view.ns.db(), &view.view_on))
                .iter()
                .map(|view| view.pipeline.as_bytes().len())
                .sum::<usize>();
        if size > PIPELINE_MAX_BYTES {
            let message = format!("View pipeline is too large. Maximum size is {PIPELINE_MAX_BYTES} bytes");
            return Err(Error::new(Code::VIEW_PIPELINE_MAX_SIZE_EXCEEDED, message));
        }
        Ok(())
    }

    /// How many views stand on each other at most from `view` downward, `changed` being as it is to be.
    fn depth(
        &self,
        view: &View,
        changed: &View,
        path: &mut Vec<Namespace>,
        known: &mut BTreeMap<Namespace, usize>,
    ) -> Result<usize> {
        if let Some(depth) = known.get(&view.ns) {
            return Ok(*depth);
        }
        if path.contains(&view.ns) {
            let names: Vec<&str> = path.iter().chain([&view.ns]).map(Namespace::full).collect();
            let message = format!("View cycle detected: {}", names.join(" => "));
            return Err(Error::new(Code::GRAPH_CONTAINS_CYCLE, message));
        }
        if path.len() > DEPTH_MAX {
            return Err(too_deep());
        }
        path.push(view.ns.clone());
        let mut deepest = 0;
        for ns in &view.reads {
            let inner = if *ns == changed.ns { Some(changed) } else { self.get(ns).map(|view| &**view) };
            if let Some(inner) = inner {
                deepest = deepest.max(self.depth(inner, changed, path, known)?);
            }
        }
        path.pop();
        known.insert(view.ns.clone(), deepest + 1);
        Ok(deepest + 1)
    }
}

impl smongo_compiler::Views for ViewTable {
    fn resolve(&self, db: &str, coll: &str) -> Option<ResolvedView> {
        ViewTable::resolve(self, &Namespace::trusted(db, coll))
    }
}

#[cold]
fn too_deep() -> Error {
    Error::new(Code::VIEW_DEPTH_LIMIT_EXCEEDED, format!("View depth limit exceeded; maximum depth is {DEPTH_MAX}"))
}

/// The error for what can be done with a collection only.
#[cold]
pub(crate) fn is_a_view(ns: &Namespace) -> Error {
    Error::new(Code::COMMAND_NOT_SUPPORTED_ON_VIEW, format!("Namespace {ns} is a view, not a collection"))
}

/// A pipeline over a view as one over the collection below: the view's stages, then the request's.
pub(crate) fn joined(view: &RawDoc, pipeline: &RawDoc) -> DocBuf {
    DocBuf::build(|array| {
        for (at, stage) in view.values().chain(pipeline.values()).enumerate() {
            array.value(&at.to_string(), stage);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, reads: &[&str]) -> View {
        View {
            ns: Namespace::trusted("db", name),
            view_on: reads[0].to_owned(),
            pipeline: DocBuf::new(),
            collation: None,
            reads: reads.iter().map(|name| Namespace::trusted("db", name)).collect(),
        }
    }

    #[test]
    fn cycles_and_depth_are_bounded() {
        let chain = |length: usize| -> Vec<View> {
            (1..=length).map(|n| view(&format!("v{n}"), &[&format!("v{}", n - 1)])).collect()
        };
        let table = ViewTable::default().with_database("db", chain(20));
        assert_eq!(table.check(&view("v21", &["v20"])).unwrap_err().code(), 165);
        assert!(table.check(&view("other", &["v19"])).is_ok());
        // A change at the bottom counts with what stands above.
        assert_eq!(table.check(&view("v0", &["coll"])).unwrap_err().code(), 165);
        assert_eq!(table.check(&view("v3", &["coll", "v9"])).unwrap_err().code(), 5);
        assert_eq!(table.check(&view("self", &["self"])).unwrap_err().code(), 5);
        assert_eq!(table.resolve(&Namespace::trusted("db", "v20")).unwrap().coll, "v0");
    }
}
