"""Whether times overlap, by the bookings and by what the database keeps of their times."""

from typing import Final

OVERLAPS: Final = """
    WITH taking AS (
        SELECT tenant_id, id AS booking_id, occupied,
            unnest(coalesce(
                CASE WHEN seat_numbers IS NOT NULL THEN spaces_of_seats(room_id, seat_numbers) END,
                space_ids, ARRAY[room_id]
            )) AS space_id,
            coalesce(moves_id, id) AS occupant_id,
            CASE WHEN status = 'held' THEN hold_expires_at END AS expires_at
        FROM bookings WHERE status IN ('held', 'pending', 'confirmed', 'checked_in')
    ), kept AS (
        SELECT tenant_id, booking_id, occupied, space_id, occupant_id, expires_at FROM occupancy
    ), all_of_them AS (
        SELECT 'taking' AS source, taking.* FROM taking
        UNION ALL SELECT 'kept', kept.* FROM kept
    ), differing AS (
        (TABLE taking EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE taking)
    )
    SELECT (SELECT count(*) FROM differing) + count(*)
    FROM all_of_them a JOIN all_of_them b USING (source, tenant_id, space_id)
    WHERE a.booking_id < b.booking_id AND a.occupant_id <> b.occupant_id
    AND a.occupied && b.occupied
"""
"""The number of pairs that overlap, and of rows of `occupancy` that aren't what bookings say."""
