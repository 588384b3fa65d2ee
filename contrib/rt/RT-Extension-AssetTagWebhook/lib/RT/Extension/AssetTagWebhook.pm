package RT::Extension::AssetTagWebhook;
use strict; use warnings; no warnings 'redefine';
use 5.010;

our $VERSION = '1.0';

use JSON ();
use LWP::UserAgent;

=head1 NAME

RT::Extension::AssetTagWebhook - gets a tag from RequestTracker Utils for each new asset

=head1 CONFIGURATION

    Plugin('RT::Extension::AssetTagWebhook');
    Set($AssetTagWebhookURL,      'https://utils.example.org/webhook/asset-created');
    Set($AssetTagWebhookToken,    'the webhook token');
    Set($AssetTagWebhookCatalogs, ['Chromebooks']);    # default or empty: all catalogs
    Set($AssetTagWebhookTimeout,  5);                  # seconds for the whole call
    Set($AssetTagWebhookStage,    'inside');           # or 'after': after the commit

The asset is created even if the call fails. Failed calls are logged.

=cut

# Seconds that the creation of an asset waits at most.
use constant DEFAULT_TIMEOUT => 5;
# The length of RT's column for names.
use constant LONGEST_NAME => 255;

sub Setting {
    my $name = shift;
    return RT->Config->Get("AssetTagWebhook$name");
}

sub Stage { return (Setting('Stage') // '') eq 'after' ? 'after' : 'inside' }

# Gets the tag of a new asset and renames the asset. Never dies.
sub AssetCreated {
    my $asset = shift;
    my $id = $asset->Id or return;
    return unless Setting('URL');
    local ($@, $!, $?);
    eval {
        local $SIG{__DIE__} = 'DEFAULT';
        # As the system user: a user who may create assets may lack the rights to see the catalog and to rename assets.
        my $loaded = RT::Asset->new(RT->SystemUser);
        $loaded->Load($id);
        die "the asset could not be loaded\n" unless $loaded->Id;
        my $catalog = $loaded->CatalogObj->Name;
        if (_is_enabled($catalog)) {
            my $tag = _request_tag($loaded, $catalog);
            _rename($asset, $loaded, $tag) if defined $tag;
        }
        1;
    } or RT->Logger->error("AssetTagWebhook: asset #$id has no tag yet: " . _one_line($@));
    return;
}

sub _is_enabled {
    my $catalog = shift;
    my $chosen = Setting('Catalogs');
    my @chosen = ref $chosen eq 'ARRAY' ? @$chosen : grep { defined and length } $chosen;
    return 1 unless @chosen;
    return scalar grep { $_ eq $catalog } @chosen;
}

sub _request_tag {
    my ($asset, $catalog) = @_;
    my $timeout = Setting('Timeout') || DEFAULT_TIMEOUT;
    # No redirects: the token is sent to the configured URL only.
    my $agent = LWP::UserAgent->new(timeout => $timeout, max_redirect => 0, max_size => 65536, agent => "RT-AssetTagWebhook/$VERSION");
    my $token = Setting('Token');
    my $response;
    my $answered = eval {
        # LWP's timeout restarts with each byte.
        local $SIG{ALRM} = sub { die "no complete response within $timeout seconds\n" };
        my $before = alarm($timeout + 1);
        my $posted = eval {
            $response = $agent->post(
                Setting('URL'),
                'Content-Type' => 'application/json',
                (defined $token && length $token ? (Authorization => "Bearer $token") : ()),
                Content => JSON->new->utf8->encode({
                    asset_id   => $asset->Id + 0,
                    asset_name => $asset->Name // '',
                    catalog    => $catalog // '',
                    event      => 'create',
                    timestamp  => time,
                }),
            );
            1;
        };
        my $error = $@;
        alarm($before || 0);
        die $error unless $posted;
        1;
    };
    die $@ unless $answered;
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
    return $answer->{asset_tag};
}

sub _rename {
    my ($asset, $loaded, $tag) = @_;
    die "the webhook's asset_tag is not a valid name\n"
        if ref $tag or $tag !~ /\D/ or $tag =~ /[[:cntrl:]]/ or length $tag > LONGEST_NAME;
    return if ($loaded->Name // '') eq $tag;
    my ($ok, $message) = $loaded->SetName($tag);
    die "the asset could not be renamed: $message\n" unless $ok;
    # The caller's object still has the old name.
    $asset->{values}{name} = $tag if ref $asset->{values} eq 'HASH';
    RT->Logger->info('AssetTagWebhook: asset #' . $loaded->Id . " was renamed to $tag");
    return;
}

# Removes the token and line breaks from a log message.
sub _one_line {
    my $text = shift // 'unknown error';
    my $token = Setting('Token');
    $text =~ s/\Q$token\E/[token]/g if defined $token and length $token;
    $text =~ s/\s+/ /g;
    return substr $text, 0, 300;
}

# Hides the token on RT's configuration page. (Keeps the entry, because RT has already stored there where the option was set.)
$RT::Config::META{AssetTagWebhookToken}{Immutable} = 1;
$RT::Config::META{AssetTagWebhookToken}{Obfuscate} = sub { 'Token hidden' };

require RT::Asset;

my $create = RT::Asset->can('Create');
*RT::Asset::Create = sub {
    my $self = shift;
    my @result = $create->($self, @_);
    AssetCreated($self) if $result[0] and Stage() eq 'after';
    return wantarray ? @result : $result[0];
};

my $new_transaction = RT::Asset->can('_NewTransaction');
*RT::Asset::_NewTransaction = sub {
    my ($self, %args) = @_;
    my @result = $new_transaction->($self, %args);
    AssetCreated($self) if $result[0] and ($args{Type} // '') eq 'Create' and Stage() eq 'inside';
    return wantarray ? @result : $result[0];
};

1;
