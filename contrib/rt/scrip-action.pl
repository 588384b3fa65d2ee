use JSON ();
use LWP::UserAgent;

my $url     = '@WEBHOOK_URL@';
my $token   = '@WEBHOOK_TOKEN@';
my $timeout = 5;    # seconds for the whole call

my $id = $self->TransactionObj->ObjectId;
my $done = eval {
    my $asset = RT::Asset->new(RT->SystemUser);
    $asset->Load($id);
    die "the asset could not be loaded\n" unless $asset->Id;

    # No redirects: the token is sent to this URL only.
    my $agent = LWP::UserAgent->new(timeout => $timeout, max_redirect => 0, max_size => 65536);
    my $response;
    # LWP's timeout restarts with each byte.
    local $SIG{ALRM} = sub { die "no complete response within $timeout seconds\n" };
    my $before = alarm($timeout + 1);
    my $posted = eval {
        $response = $agent->post(
            $url,
            'Content-Type' => 'application/json',
            Authorization  => "Bearer $token",
            Content        => JSON->new->utf8->encode({
                asset_id   => $asset->Id + 0,
                asset_name => $asset->Name // '',
                catalog    => $asset->CatalogObj->Name // '',
                event      => 'create',
                timestamp  => time,
            }),
        );
        1;
    };
    my $error = $@;
    alarm($before || 0);
    die $error unless $posted;
    # LWP catches the alarm while it reads the body, and returns what has arrived.
    die $response->header('X-Died') . "\n" if $response->header('X-Died');
    unless ($response->is_success) {
        # LWP reports its own errors as a response with the status 500.
        die 'the webhook answered ' . $response->status_line . "\n" if ($response->header('Client-Warning') // '') ne 'Internal response';
        die "no response within $timeout seconds\n" if $response->message =~ /time(?:d )?-?out/i;
        die 'the webhook could not be reached: ' . $response->message . "\n";
    }

    my $answer = eval { JSON->new->utf8->decode($response->decoded_content(charset => 'none')) };
    die "the webhook's response is not a JSON object\n" unless ref $answer eq 'HASH';
    my $tag = $answer->{asset_tag};
    if (defined $tag) {
        die "the webhook's asset_tag is not a valid name\n"
            if ref $tag or $tag !~ /\D/ or $tag =~ /[[:cntrl:]]/ or length $tag > 255;
        if (($asset->Name // '') ne $tag) {
            my ($ok, $message) = $asset->SetName($tag);
            die "the asset could not be renamed: $message\n" unless $ok;
        }
    }
    1;
};
unless ($done) {
    my $reason = $@ || 'unknown error';
    $reason =~ s/\Q$token\E/[token]/g if length $token;
    $reason =~ s/\s+/ /g;
    RT->Logger->error("asset tag webhook: asset #$id has no tag yet: " . substr($reason, 0, 300));
}
return 1;
