-- SPDX-License-Identifier: Apache-2.0
-- Fragments of the filter grammar; the tables in api/routes/filters_*.c name them.
-- Tags are JSON arrays of strings, [] when there are none; a list of tags is bound as one
-- JSON value.

-- flows: f
-- fragment: f_id_any
f.id IN (%)
-- fragment: f_id_not_any
f.id NOT IN (%)
-- fragment: f_no_deployment
NOT EXISTS (SELECT 1 FROM deployment AS fd WHERE fd.flow_id = f.id)
-- fragment: f_has_deployment
EXISTS (SELECT 1 FROM deployment AS fd WHERE fd.flow_id = f.id)
-- fragment: f_name_any
f.name IN (%)
-- fragment: f_name_like
f.name LIKE ?
-- fragment: f_tags_all
NOT EXISTS (SELECT value FROM json_each(?) EXCEPT SELECT value FROM json_each(f.tags))
-- fragment: f_tags_null
f.tags = '[]'
-- fragment: f_tags_not_null
f.tags <> '[]'

-- flow runs: fr
-- fragment: fr_flow_any
fr.flow_id IN (%)
-- fragment: fr_id_any
fr.id IN (%)
-- fragment: fr_id_not_any
fr.id NOT IN (%)
-- fragment: fr_name_any
fr.name IN (%)
-- fragment: fr_name_like
fr.name LIKE ?
-- fragment: fr_tags_all
NOT EXISTS (SELECT value FROM json_each(?) EXCEPT SELECT value FROM json_each(fr.tags))
-- fragment: fr_tags_any
EXISTS (SELECT value FROM json_each(?) INTERSECT SELECT value FROM json_each(fr.tags))
-- fragment: fr_tags_null
fr.tags = '[]'
-- fragment: fr_tags_not_null
fr.tags <> '[]'
-- fragment: fr_deployment_any
fr.deployment_id IN (%)
-- fragment: fr_deployment_null
fr.deployment_id IS NULL
-- fragment: fr_deployment_not_null
fr.deployment_id IS NOT NULL
-- fragment: fr_queue_name_any
fr.work_queue_name IN (%)
-- fragment: fr_queue_name_null
fr.work_queue_name IS NULL
-- fragment: fr_queue_name_not_null
fr.work_queue_name IS NOT NULL
-- fragment: fr_state_type_any
fr.state_type IN (%)
-- fragment: fr_state_type_not_any
fr.state_type NOT IN (%)
-- fragment: fr_state_name_any
fr.state_name IN (%)
-- fragment: fr_state_name_not_any
fr.state_name NOT IN (%)
-- fragment: fr_version_any
fr.flow_version IN (%)
-- fragment: fr_start_before
coalesce(fr.start_time, fr.expected_start_time) <= ?
-- fragment: fr_start_after
coalesce(fr.start_time, fr.expected_start_time) >= ?
-- fragment: fr_start_null
fr.start_time IS NULL
-- fragment: fr_start_not_null
fr.start_time IS NOT NULL
-- fragment: fr_end_before
fr.end_time <= ?
-- fragment: fr_end_after
fr.end_time >= ?
-- fragment: fr_end_null
fr.end_time IS NULL
-- fragment: fr_end_not_null
fr.end_time IS NOT NULL
-- fragment: fr_expected_before
fr.expected_start_time <= ?
-- fragment: fr_expected_after
fr.expected_start_time >= ?
-- fragment: fr_next_before
fr.next_scheduled_start_time <= ?
-- fragment: fr_next_after
fr.next_scheduled_start_time >= ?
-- fragment: fr_parent_run_any
fr.parent_task_run_id IN (SELECT pt.id FROM task_run AS pt WHERE pt.flow_run_id IN (%))
-- fragment: fr_parent_task_any
fr.parent_task_run_id IN (%)
-- fragment: fr_parent_task_null
fr.parent_task_run_id IS NULL
-- fragment: fr_parent_task_not_null
fr.parent_task_run_id IS NOT NULL
-- fragment: fr_key_any
fr.idempotency_key IN (%)
-- fragment: fr_key_not_any
fr.idempotency_key NOT IN (%)
-- fragment: fr_creator_id_any
fr.created_by ->> '$.id' IN (%)
-- pg: (fr.created_by::json ->> 'id') IN (%)
-- fragment: fr_creator_type_any
fr.created_by ->> '$.type' IN (%)
-- pg: (fr.created_by::json ->> 'type') IN (%)
-- fragment: fr_creator_null
fr.created_by IS NULL
-- fragment: fr_creator_not_null
fr.created_by IS NOT NULL

-- task runs: tr
-- fragment: tr_id_any
tr.id IN (%)
-- fragment: tr_name_any
tr.name IN (%)
-- fragment: tr_name_like
tr.name LIKE ?
-- fragment: tr_tags_all
NOT EXISTS (SELECT value FROM json_each(?) EXCEPT SELECT value FROM json_each(tr.tags))
-- fragment: tr_tags_null
tr.tags = '[]'
-- fragment: tr_tags_not_null
tr.tags <> '[]'
-- fragment: tr_state_type_any
tr.state_type IN (%)
-- fragment: tr_state_name_any
tr.state_name IN (%)
-- fragment: tr_start_before
tr.start_time <= ?
-- fragment: tr_start_after
tr.start_time >= ?
-- fragment: tr_start_null
tr.start_time IS NULL
-- fragment: tr_start_not_null
tr.start_time IS NOT NULL
-- fragment: tr_end_before
tr.end_time <= ?
-- fragment: tr_end_after
tr.end_time >= ?
-- fragment: tr_end_null
tr.end_time IS NULL
-- fragment: tr_end_not_null
tr.end_time IS NOT NULL
-- fragment: tr_expected_before
tr.expected_start_time <= ?
-- fragment: tr_expected_after
tr.expected_start_time >= ?
-- fragment: tr_has_subflow
EXISTS (SELECT 1 FROM flow_run AS sf WHERE sf.parent_task_run_id = tr.id)
-- fragment: tr_no_subflow
NOT EXISTS (SELECT 1 FROM flow_run AS sf WHERE sf.parent_task_run_id = tr.id)
-- fragment: tr_run_any
tr.flow_run_id IN (%)
-- fragment: tr_run_null
tr.flow_run_id IS NULL
-- fragment: tr_run_not_null
tr.flow_run_id IS NOT NULL

-- deployments: d
-- fragment: d_id_any
d.id IN (%)
-- fragment: d_id_not_any
d.id NOT IN (%)
-- fragment: d_name_any
d.name IN (%)
-- fragment: d_name_like
d.name LIKE ?
-- fragment: d_or_flow_name_like
d.id IN (SELECT nd.id FROM deployment AS nd JOIN flow AS nf ON nf.id = nd.flow_id
WHERE nf.name || char(31) || nd.name LIKE ?)
-- pg:
d.id IN (SELECT nd.id FROM deployment AS nd JOIN flow AS nf ON nf.id = nd.flow_id
WHERE nf.name || chr(31) || nd.name LIKE ?)
-- fragment: d_paused
d.paused = 1
-- fragment: d_not_paused
d.paused = 0
-- fragment: d_tags_all
NOT EXISTS (SELECT value FROM json_each(?) EXCEPT SELECT value FROM json_each(d.tags))
-- fragment: d_tags_any
EXISTS (SELECT value FROM json_each(?) INTERSECT SELECT value FROM json_each(d.tags))
-- fragment: d_tags_null
d.tags = '[]'
-- fragment: d_tags_not_null
d.tags <> '[]'
-- fragment: d_queue_name_any
d.work_queue_name IN (%)
-- fragment: ds_active
ds.active = 1
-- fragment: ds_not_active
ds.active = 0

-- work pools: wp, queues: wq, workers: w
-- fragment: wp_id_any
wp.id IN (%)
-- fragment: wp_name_any
wp.name IN (%)
-- fragment: wp_type_any
wp.type IN (%)
-- fragment: wq_id_any
wq.id IN (%)
-- fragment: wq_name_any
wq.name IN (%)
-- fragment: wq_name_starts
wq.name LIKE ? ESCAPE '\'
-- fragment: w_heartbeat_before
w.last_heartbeat_time <= ?
-- fragment: w_heartbeat_after
w.last_heartbeat_time >= ?
-- fragment: w_status_any
w.status IN (%)
-- fragment: w_status_not_any
w.status NOT IN (%)

-- logs: l
-- fragment: l_level_ge
l.level >= ?
-- fragment: l_level_le
l.level <= ?
-- fragment: l_time_before
l.timestamp <= ?
-- fragment: l_time_after
l.timestamp >= ?
-- fragment: l_run_any
l.flow_run_id IN (%)
-- fragment: l_task_any
l.task_run_id IN (%)
-- fragment: l_task_null
l.task_run_id IS NULL
-- fragment: l_task_not_null
l.task_run_id IS NOT NULL
-- fragment: l_text_has
(l.message || ' ' || l.name) LIKE ? ESCAPE '\'
-- fragment: l_text_has_not
(l.message || ' ' || l.name) NOT LIKE ? ESCAPE '\'

-- artifacts: a, the latest by key: ac with its a
-- fragment: a_id_any
a.id IN (%)
-- fragment: a_key_any
a.key IN (%)
-- fragment: a_key_like
a.key LIKE ?
-- fragment: a_key_not_null
a.key IS NOT NULL
-- fragment: a_key_null
a.key IS NULL
-- fragment: a_run_any
a.flow_run_id IN (%)
-- fragment: a_task_any
a.task_run_id IN (%)
-- fragment: a_type_any
a.type IN (%)
-- fragment: a_type_not_any
a.type NOT IN (%)
-- fragment: ac_latest_any
ac.latest_id IN (%)

-- variables: v, automations: au
-- fragment: v_id_any
v.id IN (%)
-- fragment: v_name_any
v.name IN (%)
-- fragment: v_name_like
v.name LIKE ?
-- fragment: v_tags_all
NOT EXISTS (SELECT value FROM json_each(?) EXCEPT SELECT value FROM json_each(v.tags))
-- fragment: v_tags_null
v.tags = '[]'
-- fragment: v_tags_not_null
v.tags <> '[]'
-- fragment: au_id_any
au.id IN (%)
-- fragment: au_name_any
au.name IN (%)
-- fragment: au_created_before
au.created <= ?
-- fragment: au_tags_all
NOT EXISTS (SELECT value FROM json_each(?) EXCEPT SELECT value FROM json_each(au.tags))
-- fragment: au_tags_any
EXISTS (SELECT value FROM json_each(?) INTERSECT SELECT value FROM json_each(au.tags))
-- fragment: au_tags_null
au.tags = '[]'
-- fragment: au_tags_not_null
au.tags <> '[]'

-- blocks: bt, bs, bd
-- fragment: bt_name_like
bt.name LIKE ?
-- fragment: bt_slug_any
bt.slug IN (%)
-- fragment: bs_type_any
bs.block_type_id IN (%)
-- fragment: bs_capabilities_all
NOT EXISTS (SELECT value FROM json_each(?) EXCEPT SELECT value FROM json_each(bs.capabilities))
-- fragment: bs_id_any
bs.id IN (%)
-- fragment: bs_version_any
bs.version IN (%)
-- fragment: bd_id_any
bd.id IN (%)
-- fragment: bd_anonymous
bd.is_anonymous = 1
-- fragment: bd_not_anonymous
bd.is_anonymous = 0
-- fragment: bd_type_any
bd.block_type_id IN (%)
-- fragment: bd_name_any
bd.name IN (%)
-- fragment: bd_name_like
bd.name LIKE ?

-- Relations: x_OUTER_INNER.
-- fragment: x_f_fr
EXISTS (SELECT 1 FROM flow_run AS fr WHERE fr.flow_id = f.id AND @)
-- fragment: x_f_d
EXISTS (SELECT 1 FROM deployment AS d WHERE d.flow_id = f.id AND @)
-- fragment: x_fr_f
EXISTS (SELECT 1 FROM flow AS f WHERE f.id = fr.flow_id AND @)
-- fragment: x_fr_tr
EXISTS (SELECT 1 FROM task_run AS tr WHERE tr.flow_run_id = fr.id AND @)
-- fragment: x_fr_d
EXISTS (SELECT 1 FROM deployment AS d WHERE d.id = fr.deployment_id AND @)
-- fragment: x_fr_wp
EXISTS (SELECT 1 FROM work_queue AS xq JOIN work_pool AS wp ON wp.id = xq.work_pool_id
WHERE xq.id = fr.work_queue_id AND @)
-- fragment: x_fr_wq
EXISTS (SELECT 1 FROM work_queue AS wq WHERE wq.id = fr.work_queue_id AND @)
-- fragment: x_tr_fr
EXISTS (SELECT 1 FROM flow_run AS fr WHERE fr.id = tr.flow_run_id AND @)
-- fragment: x_d_f
EXISTS (SELECT 1 FROM flow AS f WHERE f.id = d.flow_id AND @)
-- fragment: x_d_fr
EXISTS (SELECT 1 FROM flow_run AS fr WHERE fr.deployment_id = d.id AND @)
-- fragment: x_d_wq
EXISTS (SELECT 1 FROM work_queue AS wq WHERE wq.id = d.work_queue_id AND @)
-- fragment: x_d_wp
EXISTS (SELECT 1 FROM work_queue AS xq JOIN work_pool AS wp ON wp.id = xq.work_pool_id
WHERE xq.id = d.work_queue_id AND @)
-- fragment: x_a_fr
EXISTS (SELECT 1 FROM flow_run AS fr WHERE fr.id = a.flow_run_id AND @)
-- fragment: x_a_tr
EXISTS (SELECT 1 FROM task_run AS tr WHERE tr.id = a.task_run_id AND @)
-- fragment: x_a_f
EXISTS (SELECT 1 FROM flow_run AS xr JOIN flow AS f ON f.id = xr.flow_id
WHERE xr.id = a.flow_run_id AND @)
-- fragment: x_a_d
EXISTS (SELECT 1 FROM flow_run AS xr JOIN deployment AS d ON d.id = xr.deployment_id
WHERE xr.id = a.flow_run_id AND @)
-- fragment: x_bt_bs
EXISTS (SELECT 1 FROM block_schema AS bs WHERE bs.block_type_id = bt.id AND @)
-- fragment: x_bd_bt
EXISTS (SELECT 1 FROM block_type AS bt WHERE bt.id = bd.block_type_id AND @)
-- fragment: x_bd_bs
EXISTS (SELECT 1 FROM block_schema AS bs WHERE bs.id = bd.block_schema_id AND @)

-- Orders.
-- fragment: fr_by_id_desc
fr.id DESC
-- fragment: fr_by_start_asc
coalesce(fr.start_time, fr.expected_start_time), fr.id
-- fragment: fr_by_start_desc
coalesce(fr.start_time, fr.expected_start_time) DESC, fr.id DESC
-- fragment: fr_by_expected_asc
fr.expected_start_time, fr.id
-- fragment: fr_by_expected_desc
fr.expected_start_time DESC, fr.id DESC
-- fragment: fr_by_name_asc
fr.name
-- fragment: fr_by_name_desc
fr.name DESC
-- fragment: fr_by_next_asc
fr.next_scheduled_start_time
-- fragment: fr_by_end_desc
fr.end_time DESC, fr.id DESC
-- fragment: tr_by_id_desc
tr.id DESC
-- fragment: tr_by_expected_asc
tr.expected_start_time, tr.id
-- fragment: tr_by_expected_desc
tr.expected_start_time DESC, tr.id DESC
-- fragment: tr_by_name_asc
tr.name
-- fragment: tr_by_name_desc
tr.name DESC
-- fragment: tr_by_next_asc
tr.next_scheduled_start_time
-- fragment: tr_by_end_desc
tr.end_time DESC, tr.id DESC
-- fragment: l_by_time_asc
l.timestamp, l.id
-- fragment: l_by_time_desc
l.timestamp DESC, l.id DESC
-- fragment: f_by_created_desc
f.created DESC
-- fragment: f_by_updated_desc
f.updated DESC
-- fragment: f_by_name_asc
f.name
-- fragment: f_by_name_desc
f.name DESC
-- fragment: d_by_created_desc
d.created DESC
-- fragment: d_by_updated_desc
d.updated DESC
-- fragment: d_by_name_asc
d.name
-- fragment: d_by_name_desc
d.name DESC
-- fragment: a_by_created_desc
a.created DESC
-- fragment: a_by_updated_desc
a.updated DESC
-- fragment: a_by_id_desc
a.id DESC
-- fragment: a_by_key_desc
a.key DESC
-- fragment: a_by_key_asc
a.key
-- fragment: v_by_created_desc
v.created DESC
-- fragment: v_by_updated_desc
v.updated DESC
-- fragment: v_by_name_desc
v.name DESC
-- fragment: v_by_name_asc
v.name
-- fragment: bd_by_name_desc
bd.name DESC
-- fragment: bd_by_name_asc
bd.name
-- fragment: bd_by_type_and_name
bt.name, bd.name
-- fragment: au_by_created_desc
au.created DESC
-- fragment: au_by_updated_desc
au.updated DESC
-- fragment: au_by_name_asc
au.name
-- fragment: au_by_name_desc
au.name DESC
