// Graph-gophers' graphql-go on net/http: scalars are struct fields, pgx's pool keeps its statements
// prepared. The library has no cache of documents: it parses and validates that of each request.
// No login, no permissions, no limits.
package main

import (
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/graph-gophers/graphql-go"
	"github.com/jackc/pgconn"
	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

const (
	connections = 10
	overlap     = "23P01"
	columns     = `b.id, b.reference, upper(b.status), b.starts_at, b.ends_at, b.party_size, b.room_id,
		b.customer_id`
)

//go:embed api.graphql
var typeDefs string

var (
	pool   *pgxpool.Pool
	tenant pgtype.UUID // The only one that asks.
)

func main() {
	ctx := context.Background()
	config, err := pgxpool.ParseConfig(os.Getenv("BENCH_DATABASE_URL"))
	must(err)
	config.MaxConns = connections
	pool, err = pgxpool.ConnectConfig(ctx, config)
	must(err)
	must(pool.QueryRow(ctx, "SELECT id FROM tenants WHERE subdomain = 'bench-0'").Scan(&tenant))
	schema := graphql.MustParseSchema(typeDefs, &root{}, graphql.UseFieldResolvers())
	http.Handle("/graphql", &handler{schema})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// As the library's own handler, but with a Content-Length, and without encoding the data again.
type handler struct {
	schema *graphql.Schema
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var params struct {
		Query         string
		OperationName string
		Variables     map[string]any
	}
	if err := json.NewDecoder(r.Body).Decode(&params); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response := h.schema.Exec(r.Context(), params.Query, params.OperationName, params.Variables)
	var body []byte
	if len(response.Errors) == 0 {
		body = append(append([]byte(`{"data":`), response.Data...), '}')
	} else {
		body, _ = json.Marshal(response)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

// ------------------------------------------------------------------------------------- Scalars

type dateTime struct {
	graphql.Time
}

func (dateTime) ImplementsGraphQLType(name string) bool { return name == "DateTime" }

func (d dateTime) MarshalJSON() ([]byte, error) { return d.UTC().MarshalJSON() }

func nodeID(kind string, id pgtype.UUID) graphql.ID {
	text := append(make([]byte, 0, 48), kind...)
	separator := byte(':')
	for _, part := range [][]byte{
		id.Bytes[:4], id.Bytes[4:6], id.Bytes[6:8], id.Bytes[8:10], id.Bytes[10:],
	} {
		text = append(text, separator)
		text = append(text, hex.EncodeToString(part)...)
		separator = '-'
	}
	return graphql.ID(base64.StdEncoding.EncodeToString(text))
}

func uuidOf(id graphql.ID) (uuid pgtype.UUID, err error) {
	text, err := base64.StdEncoding.DecodeString(string(id))
	if err == nil {
		_, digits, _ := strings.Cut(string(text), ":")
		err = uuid.Set(digits)
	}
	return uuid, err
}

// ----------------------------------------------------------------------------------- Relations

// What rows that were read together refer to: the first row that needs its own loads that of all of
// them, while the others wait. So each relation takes one statement, as with a DataLoader, but
// without the time in which one collects ids.
type related[T any] struct {
	once  sync.Once
	found map[pgtype.UUID]*T
	err   error
}

func (r *related[T]) of(id pgtype.UUID, load func() (map[pgtype.UUID]*T, error)) (*T, error) {
	r.once.Do(func() { r.found, r.err = load() })
	return r.found[id], r.err
}

func query(ctx context.Context, each func(pgx.Row) error, sql string, values ...any) error {
	rows, err := pool.Query(ctx, sql, values...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Bookings that were read together.
type page struct {
	ctx       context.Context
	bookings  []*booking
	rooms     related[room]
	customers related[customer]
}

type booking struct {
	key, roomKey, customerKey pgtype.UUID
	page                      *page

	Reference, Status string
	StartsAt, EndsAt  dateTime
	PartySize         int32
}

func readBookings(ctx context.Context, sql string, values ...any) (*page, error) {
	read := &page{ctx: ctx, bookings: []*booking{}}
	return read, query(ctx, read.scan, sql, values...)
}

func (p *page) scan(row pgx.Row) error {
	b := &booking{page: p}
	p.bookings = append(p.bookings, b)
	return row.Scan(&b.key, &b.Reference, &b.Status, &b.StartsAt.Time.Time, &b.EndsAt.Time.Time,
		&b.PartySize, &b.roomKey, &b.customerKey)
}

func (p *page) keys(of func(*booking) pgtype.UUID) []pgtype.UUID {
	seen, keys := map[pgtype.UUID]bool{}, []pgtype.UUID{}
	for _, each := range p.bookings {
		if key := of(each); key.Status == pgtype.Present && !seen[key] {
			seen[key] = true
			keys = append(keys, key)
		}
	}
	return keys
}

func (b *booking) ID() graphql.ID { return nodeID("Booking", b.key) }

// Relations take no context and return no error: where one does, the library starts a goroutine for
// each field of each object, which costs far more CPU. It reports a panic as an error.
func (b *booking) Room() *room {
	found, err := b.page.rooms.of(b.roomKey, func() (map[pgtype.UUID]*room, error) {
		list, err := readRooms(b.page.ctx,
			"SELECT id, name, color FROM rooms WHERE tenant_id = $1 AND id = ANY($2)",
			tenant, b.page.keys(func(each *booking) pgtype.UUID { return each.roomKey }))
		found := make(map[pgtype.UUID]*room, len(list.rooms))
		for _, each := range list.rooms {
			found[each.key] = each
		}
		return found, err
	})
	if err != nil {
		panic(err)
	}
	return found
}

func (b *booking) Customer() *customer {
	found, err := b.page.customers.of(b.customerKey, func() (map[pgtype.UUID]*customer, error) {
		return readCustomers(b.page.ctx,
			b.page.keys(func(each *booking) pgtype.UUID { return each.customerKey }))
	})
	if err != nil {
		panic(err)
	}
	return found
}

type customer struct {
	Name  string
	Email *string
}

func readCustomers(ctx context.Context, keys []pgtype.UUID) (map[pgtype.UUID]*customer, error) {
	found := make(map[pgtype.UUID]*customer, len(keys))
	scan := func(row pgx.Row) error {
		var key pgtype.UUID
		c := &customer{}
		if err := row.Scan(&key, &c.Name, &c.Email); err != nil {
			return err
		}
		found[key] = c
		return nil
	}
	return found, query(ctx, scan,
		"SELECT id, name, email FROM customers WHERE tenant_id = $1 AND id = ANY($2)", tenant, keys)
}

// Rooms that were read together.
type roomList struct {
	rooms []*room
	next  related[nextBookings]
}

type room struct {
	key  pgtype.UUID
	list *roomList

	Name  string
	Color *string
}

func readRooms(ctx context.Context, sql string, values ...any) (*roomList, error) {
	list := &roomList{rooms: []*room{}}
	scan := func(row pgx.Row) error {
		r := &room{list: list}
		list.rooms = append(list.rooms, r)
		return row.Scan(&r.key, &r.Name, &r.Color)
	}
	return list, query(ctx, scan, sql, values...)
}

func (r *room) ID() graphql.ID { return nodeID("Room", r.key) }

type nextBookings struct {
	Nodes []*booking
}

// The first bookings of each room from an instant on: of one place of the document, so with one set
// of arguments.
func (r *room) Bookings(ctx context.Context, args listArgs) (*nextBookings, error) {
	return r.list.next.of(r.key, func() (map[pgtype.UUID]*nextBookings, error) {
		return readNext(ctx, r.list.rooms, args)
	})
}

func readNext(
	ctx context.Context, rooms []*room, args listArgs,
) (map[pgtype.UUID]*nextBookings, error) {
	since := time.Time{}
	if args.Filter != nil && args.Filter.StartsAt != nil && args.Filter.StartsAt.Gte != nil {
		since = args.Filter.StartsAt.Gte.Time.Time
	}
	found := make(map[pgtype.UUID]*nextBookings, len(rooms))
	keys := make([]pgtype.UUID, 0, len(rooms))
	for _, each := range rooms {
		found[each.key] = &nextBookings{Nodes: []*booking{}}
		keys = append(keys, each.key)
	}
	read, err := readBookings(ctx,
		`SELECT b.* FROM unnest($2::uuid[]) r (id) CROSS JOIN LATERAL (
			SELECT `+columns+` FROM bookings b
			WHERE b.tenant_id = $1 AND b.room_id = r.id AND b.starts_at >= $3
			ORDER BY b.starts_at, b.id LIMIT $4) b`,
		tenant, keys, since, args.First)
	if err != nil {
		return nil, err
	}
	for _, each := range read.bookings {
		of := found[each.roomKey]
		of.Nodes = append(of.Nodes, each)
	}
	return found, nil
}

// ---------------------------------------------------------------------------------- Operations

type root struct{}

type dateTimeRange struct {
	Gte, Lt *dateTime
}

type bookingFilter struct {
	StartsAt *dateTimeRange
	Search   *string
}

type listArgs struct {
	First  int32
	Filter *bookingFilter
}

func (*root) Booking(ctx context.Context, args struct{ ID graphql.ID }) (*booking, error) {
	id, err := uuidOf(args.ID)
	if err != nil {
		return nil, err
	}
	read, err := readBookings(ctx,
		"SELECT "+columns+" FROM bookings b WHERE b.tenant_id = $1 AND b.id = $2", tenant, id)
	if err != nil || len(read.bookings) == 0 {
		return nil, err
	}
	return read.bookings[0], nil
}

func (*root) Bookings(args listArgs) *bookings {
	where, values := conditionsOf(args.Filter)
	return &bookings{where, values, args.First}
}

type bookings struct {
	where  string
	values []any
	first  int32
}

func (b *bookings) Nodes(ctx context.Context) ([]*booking, error) {
	sql := fmt.Sprintf("SELECT %s FROM bookings b WHERE %s ORDER BY b.starts_at, b.id LIMIT $%d",
		columns, b.where, len(b.values)+1)
	read, err := readBookings(ctx, sql, append(b.values[:len(b.values):len(b.values)], b.first)...)
	return read.bookings, err
}

func (b *bookings) TotalCount(ctx context.Context) (count int32, err error) {
	err = pool.QueryRow(ctx, "SELECT count(*)::int FROM bookings b WHERE "+b.where, b.values...).
		Scan(&count)
	return count, err
}

func conditionsOf(filter *bookingFilter) (string, []any) {
	conditions, values := []string{"b.tenant_id = $1"}, []any{tenant}
	add := func(value any, condition string) {
		values = append(values, value)
		place := fmt.Sprintf("$%d", len(values))
		conditions = append(conditions, strings.ReplaceAll(condition, "?", place))
	}
	if filter != nil && filter.StartsAt != nil && filter.StartsAt.Gte != nil {
		add(filter.StartsAt.Gte.Time.Time, "b.starts_at >= ?")
	}
	if filter != nil && filter.StartsAt != nil && filter.StartsAt.Lt != nil {
		add(filter.StartsAt.Lt.Time.Time, "b.starts_at < ?")
	}
	if filter != nil && filter.Search != nil {
		add("%"+*filter.Search+"%",
			`(b.reference ILIKE ? OR EXISTS (SELECT FROM customers c
				WHERE c.tenant_id = b.tenant_id AND c.id = b.customer_id
				AND (c.name ILIKE ? OR c.email ILIKE ? OR c.phone ILIKE ?)))`)
	}
	return strings.Join(conditions, " AND "), values
}

func (*root) Rooms(ctx context.Context, args struct{ First int32 }) (*rooms, error) {
	list, err := readRooms(ctx,
		"SELECT id, name, color FROM rooms WHERE tenant_id = $1 ORDER BY name, id LIMIT $2",
		tenant, args.First)
	return &rooms{list.rooms}, err
}

type rooms struct {
	Nodes []*room
}

type createBookingArgs struct {
	Input struct {
		RoomID          graphql.ID
		Start           struct{ At dateTime }
		DurationMinutes int32
		Customer        struct{ ID graphql.ID }
		PartySize       int32
	}
}

type createBookingPayload struct {
	Booking    *booking
	UserErrors []userError
}

type userError struct {
	Message string
}

func (*root) CreateBooking(
	ctx context.Context, args createBookingArgs,
) (*createBookingPayload, error) {
	roomID, err := uuidOf(args.Input.RoomID)
	if err != nil {
		return nil, err
	}
	customerID, err := uuidOf(args.Input.Customer.ID)
	if err != nil {
		return nil, err
	}
	since := args.Input.Start.At.Time.Time
	until := since.Add(time.Duration(args.Input.DurationMinutes) * time.Minute)
	made := &page{ctx: ctx}
	err = pool.BeginFunc(ctx, func(tx pgx.Tx) error {
		return made.scan(tx.QueryRow(ctx,
			`INSERT INTO bookings AS b (tenant_id, id, reference, room_id, customer_id, status,
				starts_at, ends_at, occupied, party_size, price_minor, currency_code, version,
				link_version, created_at, updated_at)
			SELECT $1, made.id, made.id::text, $2, $3, 'confirmed', $4::timestamptz, $5::timestamptz,
				tstzrange($4, $5), $6, 4000, 'USD', 1, 1, now(), now()
			FROM (SELECT gen_random_uuid() AS id) made
			RETURNING `+columns,
			tenant, roomID, customerID, since, until, args.Input.PartySize))
	})
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == overlap {
		return &createBookingPayload{UserErrors: []userError{{"Taken."}}}, nil
	}
	return &createBookingPayload{made.bookings[0], []userError{}}, err
}
