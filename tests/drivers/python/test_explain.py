"""explain: mongod's shape, and the programs with their listing."""

from .support import ServerTest


class Explain(ServerTest):
    def setUp(self):
        super().setUp()
        self.db.items.insert_many([{"_id": n, "a": {"b": n}, "tags": [f"t{n % 10}"]} for n in range(200)])

    def stages(self, plan):
        while plan:
            yield plan["stage"]
            plan = plan.get("inputStage")

    def test_query_planner_has_mongod_s_shape(self):
        explained = self.db.items.find({"a.b": {"$gt": 5}}).explain()
        planner = explained["queryPlanner"]
        self.assertEqual(planner["namespace"], self.db.items.full_name)
        self.assertEqual(list(self.stages(planner["winningPlan"])), ["COLLSCAN"])
        self.assertEqual(planner["rejectedPlans"], [])
        self.assertEqual(explained["ok"], 1.0)

    def test_execution_stats_count_the_work(self):
        stats = self.db.items.find({"tags": "t3", "a.b": {"$gte": 100}}).explain()["executionStats"]
        self.assertTrue(stats["executionSuccess"])
        self.assertEqual((stats["nReturned"], stats["totalDocsExamined"]), (10, 200))

    def test_a_lookup_by_id_reads_one_document(self):
        explained = self.db.items.find({"_id": 77}).explain()
        self.assertNotIn("COLLSCAN", list(self.stages(explained["queryPlanner"]["winningPlan"])))
        self.assertEqual(explained["executionStats"]["totalDocsExamined"], 1)
        self.assertEqual(explained["executionStats"]["nReturned"], 1)

    def test_smongo_shows_every_program_as_a_listing(self):
        explained = self.db.items.find({"a.b": {"$gt": 5}, "tags": "t7"}, {"a": 1}).sort("a.b", -1).explain()
        listing = str(explained["smongo"])
        for part in ("test.gt", "test.eq", "a.b", "tags", "project", "sort.key"):
            with self.subTest(part=part):
                self.assertIn(part, listing)

    def test_writes_explain_without_writing(self):
        self.db.command("explain", {"delete": "items", "deletes": [{"q": {}, "limit": 0}]}, verbosity="queryPlanner")
        self.assertEqual(self.db.items.count_documents({}), 200)
